/** Restore and save against iptables-nft: files good and bad, what is in the kernel afterwards, and foreign rules beside ours. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'
import { encodeText } from '../../src/binary/text'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { nftRestoreDeviations } from '../cli/nft-deviations'
import { ourIptables, ourRestore, ourSave } from '../support/applets'
import { type Outcome, run } from '../support/oracle'
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
    return withoutComments(ourSave(this.#family, words, this.kernel, 'nft').stdout)
  }

  nft(...lines: readonly string[]): void {
    const { status, stderr } = this.tool('nft', ['-f', '-'], lines.join('\n'))
    expect([status, stderr]).toEqual([0, ''])
  }

  /** As nft lists them, whatever the order in which their chains were made. */
  chains(): string[] {
    const { stdout } = this.tool('nft', ['list', 'ruleset'])
    return stdout.split(/^(?=table )/m).flatMap((table) => {
      const [head = '', ...parts] = table.split(/^\t(?=chain |set )/m)
      return parts.map((part) => `${head.trim()} ${part.replace(/[\s}]+$/, '')}`)
    }).sort()
  }
}

describe('files, good and bad', () => {
  const applied = new Set<object>()

  test.each(files.map((file) => [file.name, file] as const))('%s', (_, { options, text }) => {
    const [our, their] = [new Place(), new Place()]
    for (const place of [our, their]) expect(place.theirs('restore', ['-c'], BASE).status).toBe(0)
    const [mine, other] = [our.restore(options, text), their.theirs('restore', options, text)]
    const same = (one: Outcome, chains: string[]) => ({
      status: one.status,
      // What -v tells before a line that fails is not compared.
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

  test('every deviation still is one', () => {
    expect(nftRestoreDeviations.filter((one) => !applied.has(one))).toEqual([])
  })
})
