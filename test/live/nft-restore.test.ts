/**
 * Compares restore and save with iptables-nft: valid and invalid files, the resulting tables, and foreign rules next to
 * ours.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'
import { encodeText } from '../../src/binary/text'
import { Chain, RestoreError, Rule, restore, Table } from '../../src/index'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { nftRestoreDeviations } from '../cli/nft-deviations'
import { ourIptables, ourRestore, ourSave } from '../support/applets'
import { type Outcome, run } from '../support/run-program'
import { newNamespace } from './legacy'

interface RestoreCase {
  readonly name: string
  readonly options: readonly string[]
  readonly text: string
}

const files: RestoreCase[] = JSON.parse(readFileSync(join(__dirname, '../cli/restore-cases.json'), 'utf8'))

const withoutComments = (text: string): string => text.replace(/^# (?:Generated|Completed) .*\n/gm, '')

const BASE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [5:6]
:old - [0:0]
[7:8] -A INPUT -s 9.9.9.9 -j old
[9:10] -A old -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
COMMIT
`

class Place {
  readonly namespace = newNamespace()
  readonly kernel = new LinuxKernel({ namespace: this.namespace })
  readonly #family: FamilyName

  constructor(family: FamilyName = 'ipv4') {
    this.#family = family
  }

  tool(program: string, words: readonly string[], input = ''): Outcome {
    return this.namespace.run(() => run(program, words, encodeText(input)))
  }

  theirs(kind: 'save' | 'restore', words: readonly string[], input = ''): Outcome {
    return this.tool(`${this.#family === 'ipv4' ? 'iptables' : 'ip6tables'}-nft-${kind}`, words, input)
  }

  restore(words: readonly string[], input: string): Outcome {
    return ourRestore(this.#family, words, input, this.kernel, 'nft')
  }

  save(words: readonly string[] = ['-c']): string {
    const { stdout } = ourSave(this.#family, words, this.kernel, 'nft')
    return withoutComments(Buffer.from(encodeText(stdout)).toString())
  }

  nft(...lines: readonly string[]): void {
    const { status, stderr } = this.tool('nft', ['-f', '-'], lines.join('\n'))
    expect([status, stderr]).toEqual([0, ''])
  }

  /** The chains as nft lists them, independent of the order in which they were created. */
  chains(): string[] {
    const { stdout } = this.tool('nft', ['list', 'ruleset'])
    return stdout
      .split(/^(?=table )/m)
      .flatMap((table) => {
        const [head = '', ...parts] = table.split(/^\t(?=chain |set )/m)
        return [head.replace(/[\s{}]+$/, ''), ...parts.map((part) => `${head.trim()} ${part.replace(/[\s}]+$/, '')}`)]
      })
      .sort()
  }
}

/** Independent of the order in which the chains were created. */
const INCOMPATIBLE = `table ip filter {
  set hosts { type ipv4_addr; elements = { 10.0.0.1 }; }
  chain native { type filter hook input priority 5; policy drop; ip saddr @hosts counter accept; }
  chain INPUT {
    type filter hook input priority filter
    ip saddr @hosts counter packets 3 bytes 4 accept
    counter packets 5 bytes 6 drop
  }
  chain user { counter; }
}`

describe('foreign rules of nft', () => {
  function place(): Place {
    const our = new Place()
    our.nft(INCOMPATIBLE)
    return our
  }
  const ours = (one: Place, line: string): Outcome => ourIptables('ipv4', line.split(' '), one.kernel, 'nft')
  const native = (one: Place): string[] => one.chains().filter((chain) => /chain native|set hosts/.test(chain))
  const held = /-A INPUT -j nft --revision 0 --payload 0x[0-9a-f]+\n/

  test('are listed, and reported once', () => {
    const one = place()
    const { stdout } = ours(one, '-S')
    expect(stdout).toMatch(held)
    expect(stdout.match(/^#.*$/gm)).toEqual([
      "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.",
      "# Table `filter' contains rules that iptables cannot express, printed as -j nft; use 'nft' tool to list them.",
    ])
    expect(stdout.replace(/^#.*\n/gm, '').replace(held, '')).toBe(
      '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N user\n-A INPUT -j DROP\n-A user\n',
    )
    expect(one.save()).toMatch(/^# Table `filter' contains incompatible base-chains/)
    using table = new Table('filter', { kernel: one.kernel, backend: 'nft' })
    expect(table.incompatible).toEqual([
      'chain native of type filter, at hook INPUT with priority 5',
      'rule 1 of chain INPUT',
    ])
    table.createChain('another')
    new Chain(table, 'INPUT').insertRule(Rule.parse('-i lo -j ACCEPT'))
    expect(table.incompatible.at(-1)).toBe('rule 2 of chain INPUT')
  })

  test.each([
    ['-A INPUT -j user', 0],
    ['-I INPUT -i lo -j ACCEPT', 0],
    ['-D INPUT -j DROP', 0],
    ['-N more', 0],
    ['-X', 4],
    ['-P INPUT DROP', 0],
    ['-F user', 0],
    ['-F', 4],
  ])('keep their places next to %s', (line, status) => {
    const one = place()
    const before = native(one)
    expect(ours(one, line)).toMatchObject({ status })
    expect(native(one)).toEqual(before)
    expect(one.tool('nft', ['list', 'chain', 'ip', 'filter', 'INPUT']).stdout).toContain(
      'ip saddr @hosts counter packets 3 bytes 4 accept',
    )
  })

  test('are not deleted by a text that replaces everything, but can be deleted by name', () => {
    const one = place()
    const [before, text] = [one.chains(), '*filter\n-A INPUT -j ACCEPT\nCOMMIT\n']
    const { status, stderr } = one.restore([], text)
    expect(status).not.toBe(0)
    expect(stderr).toContain('it has rules that iptables cannot express')
    expect(stderr).toContain('rule 1 of chain INPUT')
    expect(one.chains()).toEqual(before)
    expect(() => restore(text, { kernel: one.kernel, backend: 'nft' })).toThrow(RestoreError)
    using table = new Table('filter', { kernel: one.kernel, backend: 'nft' })
    expect(() => table.flush()).toThrow('iptables cannot express')
    expect(() => table.flushEntries()).toThrow('iptables cannot express')
    expect(one.chains()).toEqual(before)
    expect(one.restore(['-n'], text).status).toBe(0)
    expect(ours(one, '-D INPUT 1').status).toBe(0)
    const natives = native(one)
    expect(one.restore([], text).status).toBe(0)
    expect(one.save()).toContain(
      ':INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[0:0] -A INPUT -j ACCEPT\n',
    )
    expect(native(one)).toEqual(natives)
  })
})

test('a table that a text leaves empty is deleted, unless others have something in it', () => {
  const one = new Place()
  const tables = (): string => one.tool('nft', ['list', 'tables']).stdout
  expect(one.theirs('restore', [], BASE).status).toBe(0)
  expect(one.restore([], '*filter\nCOMMIT\n').status).toBe(0)
  expect(tables()).toBe('table ip nat\n')
  one.nft('add set ip nat hosts { type ipv4_addr; elements = { 10.0.0.1 }; }')
  const text = '*nat\nCOMMIT\n*filter\nCOMMIT\n'
  expect(one.restore([], text).status).toBe(0)
  expect(tables()).toBe('table ip nat\n')
  expect(one.chains().join()).toContain('10.0.0.1')
  one.nft('delete set ip nat hosts')
  expect(one.restore([], text).status).toBe(0)
  expect(tables()).toBe('')
})

describe('valid and invalid files', () => {
  const applied = new Set<object>()

  test.each(files.map((file) => [file.name, file] as const))('%s', (_, { options, text }) => {
    const [our, their] = [new Place(), new Place()]
    for (const place of [our, their]) expect(place.theirs('restore', ['-c'], BASE).status).toBe(0)
    const [mine, other] = [our.restore(options, text), their.theirs('restore', options, text)]
    const same = (one: Outcome, chains: string[]) => ({
      status: one.status,
      // The output of -v before a line that fails is not compared.
      stdout: one.status === 0 ? one.stdout : '',
      isSilent: one.stderr === '',
      chains,
    })
    const [ours, theirs] = [same(mine, our.chains()), same(other, their.chains())]
    const deviation = nftRestoreDeviations.find(({ lines }) => lines.test(`${options.join(' ')}\n${text}`))
    if (deviation === undefined || JSON.stringify(ours) === JSON.stringify(theirs)) expect(ours).toEqual(theirs)
    else applied.add(deviation)
    if (mine.status === 0) expect(our.save()).toBe(withoutComments(our.theirs('save', ['-c']).stdout))
  })

  test('every deviation still applies', () => {
    expect(nftRestoreDeviations.filter((one) => !applied.has(one))).toEqual([])
  })
})
