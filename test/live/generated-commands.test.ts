/**
 * Compares generated command lines, restore texts and iptables-xml input with the tools: the same status and output,
 * and the same tables afterwards. XTABLES_TEST_COMMANDS sets how many of each, XTABLES_TEST_SEED which ones.
 */
import type { FamilyName } from '../../src/abi/family'
import type { BackendName } from '../../src/backend/store'
import { encodeText } from '../../src/binary/text'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { explained, explainedRestore, explainedXml } from '../cli/deviations'
import { generatedNftDeviations } from '../cli/nft-deviations'
import { Random } from '../kernel/random'
import { ourIptables, ourRestore, ourXml } from '../support/applets'
import {
  COMMAND_BASE,
  commandWords,
  restoreOptions,
  restoreText,
  xmlOptions,
  xmlText,
} from '../support/generated-commands'
import { type Outcome, run } from '../support/run-program'
import { newNamespace } from './legacy'

const { XTABLES_TEST_COMMANDS, XTABLES_TEST_SEED = '1' } = process.env
const newRandom = (): Random => new Random(Number(XTABLES_TEST_SEED))
const countOf = (few: number): number => Number(XTABLES_TEST_COMMANDS ?? few)

const times = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The lines that differ between two outcomes, as `what | line`: ours after `+`, theirs after `-`. */
function differences(mine: Outcome, other: Outcome): string[] {
  if (mine.status !== other.status)
    return [`+ status ${mine.status}: ${mine.stderr}`, `- status ${other.status}: ${other.stderr}`]
  return (['stdout', 'stderr'] as const).flatMap((what) => {
    const [ours, theirs] = [mine[what].split('\n'), other[what].split('\n')]
    const at = ours.findIndex((line, i) => line !== theirs[i])
    if (at < 0 && ours.length === theirs.length) return []
    return [`+ ${what} ${ours.slice(at, at + 3).join('\n')}`, `- ${what} ${theirs.slice(at, at + 3).join('\n')}`]
  })
}

test('iptables-xml', () => {
  const random = newRandom()
  let accepted = 0
  const different = times(countOf(200)).flatMap(() => {
    const [options, text] = [xmlOptions(random), xmlText(random)]
    const [mine, other] = [ourXml(options, text), run('iptables-xml', options, encodeText(text))]
    if (mine.status === 0) accepted++
    // Input that is listed as refused must not be accepted, whatever the tool does.
    if (explainedXml('refused', text) !== undefined) return mine.status === 0 ? [`taken: ${text}`] : []
    if (explainedXml('text', text) !== undefined && mine.status === other.status) return []
    const found = differences(mine, other)
    return found.length === 0 ? [] : [[...found, options.join(' '), text].join('\n')]
  })
  expect(different.slice(0, 5).join('\n')).toBe('')
  expect(accepted).toBeGreaterThan(0)
})

/** A network namespace with tables, and a kernel for it. */
class Place {
  readonly #namespace = newNamespace()
  readonly #family: FamilyName
  readonly #backend: BackendName
  readonly kernel = new LinuxKernel({ namespace: this.#namespace })

  constructor(family: FamilyName, backend: BackendName) {
    this.#family = family
    this.#backend = backend
  }

  /** Runs a tool in it: `iptables`, or with a kind `iptables-restore` and so on. */
  run(kind: '' | '-restore' | '-save', words: readonly string[], input = ''): Outcome {
    const program = `${this.#family === 'ipv4' ? 'iptables' : 'ip6tables'}-${this.#backend}${kind}`
    return this.#namespace.run(() => run(program, words, encodeText(input)))
  }

  reset(base: string): void {
    expect(this.run('-restore', ['-c'], base)).toEqual({ status: 0, stdout: '', stderr: '' })
  }

  /** The contents of its tables, without the counters of policies: iptables 1.8.9 loses them with every change. */
  tables(): Outcome {
    const { stdout, ...rest } = this.run('-save', ['-c'])
    return { ...rest, stdout: stdout.replace(/^#.*\n/gm, '').replace(/^(:\S+ [A-Z]+) .*$/gm, '$1') }
  }
}

/** Whether there is a message, and the warnings in it. The messages of refusals are compared in test/cli/cases. */
const classOf = (stderr: string): string =>
  stderr === ''
    ? ''
    : ['a message', ...stderr.split('\n').filter((line) => /^(?:Warning|Ignoring)/.test(line))].join('\n')

/** Our help is different, and so is what `-vv` adds, which is for debugging libiptc. */
const isOwnText = (words: readonly string[]): boolean =>
  words.some((word) => /^-\w*[hV]|^--(?:h|vers)/.test(word)) || words.join(' ').split(/-\w*v|--verb/).length > 2

const classed = ({ status, stdout, stderr }: Outcome, words: readonly string[] = []): Outcome => ({
  status,
  stdout: isOwnText(words) ? '' : stdout,
  stderr: classOf(stderr),
})

const isListedOf = (backend: BackendName, family: FamilyName, words: string): boolean =>
  backend === 'nft' && generatedNftDeviations.some((one) => (one.family ?? family) === family && one.lines.test(words))

/** The outcomes of the same arguments in both places. */
interface Trial {
  readonly other: Outcome
  /** The differences. */
  readonly found: readonly string[]
  /** Whether the tables may have changed. */
  readonly changes: boolean
  /** Whether a deviation allows the differences. */
  readonly isListed: boolean
  /** The arguments, for messages. */
  readonly words: readonly string[]
}

/** Runs random arguments in two places with the same tables, and starts again as soon as they differ. */
function compare(
  family: FamilyName,
  backend: BackendName,
  count: number,
  attempt: (random: Random, our: Place, their: Place) => Trial,
): void {
  const random = newRandom()
  const base = family === 'ipv4' ? COMMAND_BASE : COMMAND_BASE.replace(/10\.0\.0\.(\d)/g, 'fe80::$1')
  const [our, their] = [new Place(family, backend), new Place(family, backend)]
  const different: string[] = []
  let accepted = 0
  for (const i of times(count)) {
    if (i % 10 === 0) for (const place of [our, their]) place.reset(base)
    const { other, found, changes, isListed, words } = attempt(random, our, their)
    if (other.status === 0) accepted++
    const all = changes ? [...found, ...differences(our.tables(), their.tables())] : found
    if (all.length === 0) continue
    for (const place of [our, their]) place.reset(base)
    if (!isListed) different.push([...words, ...all].join('\n'))
  }
  expect(different.slice(0, 40).join('\n\n')).toBe('')
  expect(accepted).toBeGreaterThan(0)
}

const PLACES = (['legacy', 'nft'] as const).flatMap((backend) =>
  (['ipv4', 'ipv6'] as const).map((family) => [backend, family] as const),
)

test.each(PLACES)('iptables-%s, %s', (backend, family) => {
  compare(family, backend, countOf(200), (random, our, their) => {
    const words = commandWords(random)
    const line = words.map((word) => (/^$|\s/.test(word) ? `"${word}"` : word)).join(' ')
    const [mine, other] = [ourIptables(family, words, our.kernel, backend), their.run('', words)]
    return {
      other,
      found: differences(classed(mine, words), classed(other, words)),
      // If both refuse and one still changed something, the following lines would show it.
      changes: mine.status === 0 || other.status === 0,
      // A listed line may be refused, but must not differ otherwise.
      isListed: (mine.status !== 0 && explained('status', line) !== undefined) || isListedOf(backend, family, line),
      words: [line],
    }
  })
})

test.each(PLACES)('iptables-%s-restore, %s', (backend, family) => {
  compare(family, backend, countOf(150), (random, our, their) => {
    const [options, text] = [restoreOptions(random), restoreText(random)]
    const [mine, other] = [ourRestore(family, options, text, our.kernel, backend), their.run('-restore', options, text)]
    // The output of -v before a line that fails is not compared.
    const isRefused = mine.status !== 0 && mine.status === other.status
    const deviation = explainedRestore(text, options)
    return {
      other,
      found: isRefused ? [] : differences(classed(mine), classed(other)),
      changes: true,
      isListed:
        (deviation !== undefined && (mine.status === 0) === deviation.taken) ||
        isListedOf(backend, family, `${options.join(' ')}\n${text}`),
      words: [options.join(' '), JSON.stringify(text)],
    }
  })
})
