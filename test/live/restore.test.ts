/** Restore and save against iptables-legacy: files good and bad, and every rule line between ours and theirs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Family, IPV4 } from '../../src/abi/family'
import { encodeText } from '../../src/binary/text'
import { captureTable } from '../../src/kernel/capture'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { ourRestore, ourSave } from '../support/applets'
import { type Case, cases } from '../support/cases'
import { explained } from '../support/deviations'
import { prepare, restore, run } from '../support/oracle'

interface RestoreCase {
  readonly name: string
  readonly options: readonly string[]
  readonly text: string
  /** Our exit status where it or the table is another than that of iptables-legacy, and the reason. */
  readonly ours?: number
  readonly why?: string
}

const files: RestoreCase[] = JSON.parse(readFileSync(join(__dirname, '../cli/restore-cases.json'), 'utf8'))

const command = (family: Family, kind: 'save' | 'restore'): string =>
  `${family === IPV4 ? 'iptables' : 'ip6tables'}-legacy-${kind}`

const withoutComments = (text: string): string => text.replace(/^# (?:Generated|Completed) .*\n/gm, '')

/** Policies have counted nothing: 1.8.9 forgets what they have at every change. */
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

describe('files, good and bad', () => {
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
    if (!options.some((option) => option.startsWith('-v'))) expect(stdout).toBe(expected.stdout)
    const isSame = status === expected.status && tables() === after
    expect(isSame).toBe(why === undefined)
    if (why !== undefined && status !== 0) expect(tables()).toBe(before)
  })

  test('what is refused is named by the number and the text of its line', () => {
    const { status, stderr } = ourRestore('ipv4', [], '*filter\n# fine\n-A INPUT -p tcp --nonsense 7\nCOMMIT\n')
    expect(status).toBe(2)
    expect(stderr).toContain('Error occurred at line: 3\n  -A INPUT -p tcp --nonsense 7\n')
    const refused = ourRestore('ipv4', [], '*filter\n-A INPUT -m tcp --dport 22\n-A INPUT -j ACCEPT\nCOMMIT\n')
    expect(refused).toMatchObject({ status: 1 })
    expect(refused.stderr).toContain('iptables-restore: line 2 failed: ')
    expect(refused.stderr).toContain('-A INPUT -m tcp --dport 22\n')
  })
})

describe.each(cases.map((one) => [`${one.family.name} ${one.table} ${one.name}`, one] as const))('%s', (_, one) => {
  const { family, table } = one
  const savers = {
    theirs: (...options: string[]) => run(command(family, 'save'), ['-t', table, ...options]).stdout,
    ours: (...options: string[]) => ourSave(family.name, ['-t', table, ...options]).stdout,
  }
  const restorers = {
    theirs: (text: string, ...options: string[]) => run(command(family, 'restore'), options, encodeText(text)),
    ours: (text: string, ...options: string[]) => ourRestore(family.name, options, text),
  }
  const entries = (): string => Buffer.from(captureTable(new LinuxKernel(), family.name, table).entries).toString('hex')

  /** The table holds the lines that are printed as what they are, each with counters of its own. */
  function fill(isRestorable: (line: string) => boolean): void {
    prepare(one)
    const counted = one.accepted
      .filter((line) => explained('text', line) === undefined && isRestorable(line))
      .map((line, i) => `[${i + 1}:${100 * i + 7}] ${line}`)
    expect(restore(family, table, counted, '-c')).toMatchObject({ status: 0 })
  }

  test.each([
    ['ours', 'ours'],
    ['ours', 'theirs'],
    ['theirs', 'ours'],
  ] as const)('%s saved and %s restored is what it was', (saver, restorer) => {
    fill((line) => restorer === 'ours' || isRestorable(one, line))
    for (const options of [['-c'], []]) {
      const [text, blob] = [savers[saver](...options), entries()]
      expect(withoutComments(savers.ours(...options))).toBe(withoutComments(savers.theirs(...options)))
      prepare(one)
      expect(restorers[restorer](text, ...options)).toMatchObject({ status: 0, stderr: '' })
      if (options.length > 0) expect(entries()).toBe(blob)
      expect(withoutComments(savers[saver](...options))).toBe(withoutComments(text))
    }
  })
})

/** Whether iptables-legacy can read what it prints of this line. */
const isRestorable = (_: Case, line: string): boolean => !line.includes('\n')
