/**
 * The same command lines for iptables-legacy and for us, each in a network namespace of its own: the same exit status,
 * output, listing and bytes in the kernel, and where the data say so the same messages.
 */
import { spawnSync } from 'node:child_process'
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { runIptables } from '../../src/cli/iptables'
import { tablesIn } from '../../src/cli/kernel'
import { captureTable, checkCapture } from '../../src/kernel/capture'
import type { Kernel } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import type { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { splitWords } from '../../src/language/words'
import { readRuleset } from '../../src/ruleset/read'
import { orderedChains } from '../../src/ruleset/ruleset'
import { commandFiles, type Sequence } from '../cli/cases'
import { explained } from '../cli/deviations'
import { newNamespace } from './legacy'

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Help is our own, and what `-vv` adds is for those who look for faults in libiptc. */
const isOwnText = (words: readonly string[]): boolean => words.some((word) => /^-[hV]$|^-vv/.test(word))

function theirs(namespace: NetworkNamespace, family: FamilyName, words: readonly string[]): Outcome {
  const program = family === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy'
  const env = { ...process.env }
  const { status, stdout, stderr } = namespace.run(() => spawnSync(program, words, { encoding: 'utf8', env }))
  return { status, stdout, stderr }
}

function ours(kernel: Kernel, family: FamilyName, words: readonly string[]): Outcome {
  const said = { stdout: '', stderr: '' }
  const io = {
    stdout: (text: string) => void (said.stdout += text),
    stderr: (text: string) => void (said.stderr += text),
    stdin: () => '',
  }
  const status = runIptables(words, family, { ...io, ...tablesIn(kernel, family) })
  return { status, ...said }
}

/** The entries of a table. 1.8.9 forgets at every change what a policy has counted; we do not. */
function bytesOf(kernel: Kernel, family: FamilyName, table: string): string {
  const { fields } = FAMILIES[family].entry
  const { layout, entries } = checkCapture(captureTable(kernel, family, table))
  for (const { tail, hook } of orderedChains(readRuleset(FAMILIES[family], table, layout, entries)))
    if (hook !== undefined) tail?.bytes.fill(0, fields.pcnt.offset, fields.bcnt.offset + fields.bcnt.size)
  return Buffer.from(entries).toString('hex')
}

function differences(sequence: Sequence, family: FamilyName, messages: boolean): string[] {
  const [their, our] = [newNamespace(), newNamespace()]
  const [theirKernel, ourKernel] = [new LinuxKernel({ namespace: their }), new LinuxKernel({ namespace: our })]
  const found: string[] = []
  const compare = (line: string, what: string, mine: unknown, other: unknown): void => {
    if (mine !== other && explained(what, line) === undefined)
      found.push(`${family} ${line}\n  ${what}\n  ours   ${mine}\n  theirs ${other}`)
  }
  for (const line of sequence.lines) {
    const words = splitWords(line)
    const [other, mine] = [theirs(their, family, words), ours(ourKernel, family, words)]
    compare(line, 'status', mine.status, other.status)
    if (isOwnText(words)) continue
    compare(line, 'stdout', mine.stdout, other.stdout)
    if (messages) compare(line, 'stderr', mine.stderr, other.stderr)
  }
  for (const table of theirKernel.tables(family)) {
    const listing = ['-t', table, '-S']
    compare(`-S of ${table}`, 'text', theirs(our, family, listing).stdout, theirs(their, family, listing).stdout)
    compare(`-S of ${table}`, 'text', ours(ourKernel, family, listing).stdout, theirs(their, family, listing).stdout)
    compare(`bytes of ${table}`, 'bytes', bytesOf(ourKernel, family, table), bytesOf(theirKernel, family, table))
  }
  return found
}

describe.each(commandFiles)('$what', ({ messages, sequences }) => {
  const all = sequences.flatMap((sequence) =>
    sequence.families.map((family) => ({ family, first: sequence.lines[0], sequence })),
  )
  test.each(all)('$family, from $first on', ({ family, sequence }) => {
    expect(differences(sequence, family, sequence.messages ?? messages).join('\n')).toBe('')
  })
})
