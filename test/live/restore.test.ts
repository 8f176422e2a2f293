/** Compares restore and save with iptables-legacy: valid and invalid files, and every rule line in both directions. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Family, IPV4 } from '../../src/abi/family'
import { encodeText } from '../../src/binary/text'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { entriesOf, type Ruleset } from '../../src/ruleset/ruleset'
import { restoreMessages } from '../cli/deviations'
import { ourRestore, ourSave } from '../support/applets'
import { tableIn } from '../support/bytes'
import { explained } from '../support/deviations'
import { sharedTables } from '../support/here'
import { prepare } from '../support/oracle'
import { run } from '../support/run-program'

interface RestoreCase {
  readonly name: string
  readonly options: readonly string[]
  readonly text: string
  /** Our exit status if it or the table differs from iptables-legacy, and the reason. */
  readonly ours?: number
  readonly why?: string
}

const files: RestoreCase[] = JSON.parse(readFileSync(join(__dirname, '../cli/restore-cases.json'), 'utf8'))

const command = (family: Family, kind: 'save' | 'restore'): string =>
  `${family === IPV4 ? 'iptables' : 'ip6tables'}-legacy-${kind}`

const withoutComments = (text: string): string => text.replace(/^# (?:Generated|Completed) .*\n/gm, '')

/** Policies have no counts: iptables 1.8.9 loses them with every change. */
const BASE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:old - [0:0]
[7:8] -A INPUT -s 9.9.9.9 -j old
[9:10] -A old -j ACCEPT
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
COMMIT
`

describe('valid and invalid files', () => {
  const theirs = (options: readonly string[], text: string) => run(command(IPV4, 'restore'), options, encodeText(text))
  const tables = (): string => withoutComments(run(command(IPV4, 'save'), ['-c']).stdout)

  test.each(files.map((file) => [file.name, file] as const))('%s', (_, { options, text, ours, why }) => {
    theirs(['-c'], BASE)
    const before = tables()
    const expected = theirs(options, text)
    const after = tables()
    theirs(['-c'], BASE)
    expect(tables()).toBe(before)
    const { status, stdout, stderr } = ourRestore('ipv4', options, text)
    expect(status).toBe(ours ?? expected.status)
    expect(stderr === '').toBe(status === 0)
    const isSilent = !options.some((option) => option.startsWith('-v'))
    if (isSilent && status === expected.status) expect(stdout).toBe(expected.stdout)
    const isSame = status === expected.status && tables() === after
    expect(isSame).toBe(why === undefined)
    if (why !== undefined && status !== 0) expect(tables()).toBe(before)
  })

  test.each(restoreMessages.map((one) => [one.text, one] as const))(
    '%j is refused with another message',
    (text, one) => {
      const [mine, other] = [ourRestore('ipv4', [], text), theirs([], text)]
      expect(mine.status).toBe(other.status)
      expect(mine.stderr.slice(0, one.ours.length)).toBe(one.ours)
      expect(other.stderr.slice(0, one.theirs.length)).toBe(one.theirs)
    },
  )

  test.each([
    [['--binary']],
    [['-w', 'x']],
    [['-W']],
    [['-w', '-W', 'x']],
    [['-T']],
    [['-h', '-q']],
    [['-V', '-T']],
    [['-q', '-V']],
  ])('the output for the options %j is that of the tool', (options) => {
    const { status, stdout, stderr } = theirs(options, '')
    const named = stderr.replaceAll('iptables-legacy-restore', 'iptables-restore')
    const mine = ourRestore('ipv4', options, '')
    expect([mine.status, mine.stdout, options.includes('-h') ? '' : mine.stderr]).toEqual([
      status,
      stdout,
      options.includes('-h') ? '' : named,
    ])
  })

  test('errors contain the number and the text of the line', () => {
    const { status, stderr } = ourRestore('ipv4', [], '*filter\n# fine\n-A INPUT -p tcp --nonsense 7\nCOMMIT\n')
    expect(status).toBe(2)
    expect(stderr).toContain('Error occurred at line: 3\n  -A INPUT -p tcp --nonsense 7\n')
    const refused = ourRestore('ipv4', [], '*filter\n-A INPUT -m tcp --dport 22\n-A INPUT -j ACCEPT\nCOMMIT\n')
    expect(refused).toMatchObject({ status: 1 })
    expect(refused.stderr).toContain('iptables-restore: line 2 failed: ')
    expect(refused.stderr).toContain('-A INPUT -m tcp --dport 22\n')
  })
})

describe.each(sharedTables().map((one) => [`${one.family.name} ${one.table} ${one.name}`, one] as const))(
  '%s',
  (_, one) => {
    const { family, table } = one
    const savers = {
      theirs: (...options: string[]) => run(command(family, 'save'), ['-t', table, ...options]).stdout,
      ours: (...options: string[]) => ourSave(family.name, ['-t', table, ...options]).stdout,
    }
    const restorers = {
      theirs: (text: string, ...options: string[]) => run(command(family, 'restore'), options, encodeText(text)),
      ours: (text: string, ...options: string[]) => ourRestore(family.name, options, text),
    }
    const ruleset = (): Ruleset => tableIn(new LinuxKernel(), family.name, table).ruleset
    /** Every entry of the table with its counters, in hexadecimal. */
    const entries = (): string[] => Array.from(entriesOf(ruleset()), ({ bytes }) => Buffer.from(bytes).toString('hex'))
    const isEmpty = (): boolean =>
      [...ruleset().chains.values()].every(({ hook, rules }) => hook !== undefined && rules.length === 0)

    /** Fills the table with the lines that are printed as they are, each with different counters. */
    function fill(isWanted: (line: string) => boolean): void {
      const counted = one.accepted
        .filter((line) => explained('text', line) === undefined && explained('refused', line) === undefined)
        .filter(isWanted)
        .map((line, i) => (/ (?:-c|--set-counters) /.test(line) ? line : `[${i + 1}:${100 * i + 7}] ${line}`))
      expect(prepare(one, counted, '-c')).toMatchObject({ status: 0 })
    }

    /** Empties the table, and restores the text. */
    function refillFrom(text: string, restorer: keyof typeof restorers, ...options: string[]): void {
      expect(ourRestore(family.name, [], `*${table}\nCOMMIT\n`)).toMatchObject({ status: 0 })
      expect(isEmpty()).toBe(true)
      // The legacy programs warn about ranges that never match.
      const { status, stderr } = restorers[restorer](text, ...options)
      expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
    }

    describe('rules that iptables-legacy can restore', () => {
      const expected = { counted: '', uncounted: '', entries: [''] }

      beforeAll(() => {
        fill(isRestorable)
        // Some rules have two encodings with the same text. This leaves only the one that is written for the text.
        refillFrom(savers.theirs('-c'), 'theirs', '-c')
        Object.assign(expected, {
          counted: savers.theirs('-c'),
          uncounted: withoutComments(savers.theirs()),
          entries: entries(),
        })
      })

      test.each([
        ['ours', 'ours'],
        ['ours', 'theirs'],
        ['theirs', 'ours'],
        ['theirs', 'theirs'],
      ] as const)('%s saved and %s restored is the same', (saver, restorer) => {
        refillFrom(expected.counted, 'theirs', '-c')
        const counted = savers[saver]('-c')
        expect(withoutComments(counted)).toBe(withoutComments(expected.counted))
        refillFrom(counted, restorer, '-c')
        expect(entries()).toEqual(expected.entries)
        const uncounted = savers[saver]()
        expect(withoutComments(uncounted)).toBe(expected.uncounted)
        refillFrom(uncounted, restorer)
        expect(withoutComments(savers.theirs())).toBe(expected.uncounted)
      })
    })

    test('lines that only we can read are the same', () => {
      fill((line) => !isRestorable(line))
      const text = savers.ours('-c')
      refillFrom(text, 'ours', '-c')
      expect(withoutComments(savers.ours('-c'))).toBe(withoutComments(text))
      expect(withoutComments(savers.theirs('-c'))).toBe(withoutComments(text))
    })
  },
)

/** Output of 1.8.9 that it cannot read: masks of cluster nodes above 32, and long strings in hexadecimal. */
const UNREADABLE = [/\n/, /--cluster-local-node[ =](?:[7-9]|[12]\d|3[0-2])\b/, /--(?:hex-)?string .{65}/]

/** Whether iptables-legacy can read its own output for this line. */
const isRestorable = (line: string): boolean => !UNREADABLE.some((one) => one.test(line))
