/**
 * Runs the same command lines with iptables-nft and with our command, each in its own network namespace. Exit status,
 * output and the ruleset in the kernel must be equal, and also the messages if the data says so.
 */
import type { FamilyName } from '../../src/abi/family'
import { encodeText } from '../../src/binary/text'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { splitWords } from '../../src/language/quoting'
import { commandFiles, type Sequence } from '../cli/cases'
import { explained } from '../cli/deviations'
import { type NftCommandDeviation, nftCommandDeviations } from '../cli/nft-deviations'
import { ourIptables } from '../support/applets'
import { areSurelyEqual } from '../support/nft-equal'
import { type Outcome, run } from '../support/run-program'
import { newNamespace } from './legacy'

/** Our help is different, and so is what `-vv` adds, which is for debugging the tool. */
const isOwnText = (words: readonly string[]): boolean => words.some((word) => /^-[hV]$|^-vv/.test(word))

/** A network namespace, and a way to run a line in it. */
class Place {
  readonly #namespace = newNamespace()
  readonly #kernel = new LinuxKernel({ namespace: this.#namespace })
  readonly #family: FamilyName

  constructor(family: FamilyName) {
    this.#family = family
  }

  theirs(words: readonly string[]): Outcome {
    return this.#namespace.run(() => run(this.#family === 'ipv4' ? 'iptables-nft' : 'ip6tables-nft', words))
  }

  ours(words: readonly string[]): Outcome {
    return ourIptables(this.#family, words, this.#kernel, 'nft')
  }

  nft(text: string): void {
    expect(this.#namespace.run(() => run('nft', ['-f', '-'], encodeText(text)))).toMatchObject({ status: 0 })
  }

  /** Whether the rulesets are the same for certain. */
  hasSameRulesAs(other: Place): boolean {
    return areSurelyEqual(this.#kernel, other.#kernel)
  }

  ruleset(): string {
    return this.#namespace.run(() => run('nft', ['list', 'ruleset'])).stdout
  }
}

/** The deviations that occurred. */
const applied = new Set<NftCommandDeviation>()

function isExplained(what: string, line: string): boolean {
  const found = nftCommandDeviations.filter((one) => one.what.some((kind) => kind === what) && one.lines.test(line))
  for (const one of found) applied.add(one)
  // If only one of the two refuses the line, the rulesets differ.
  return found.length > 0 || explained(what === 'ruleset' ? 'status' : what, line) !== undefined
}

/** Without the reason that we add to the message of the tool. */
const withoutReason = (stderr: string): string =>
  stderr.replace(/^(.* failed \(.*?\): (?:rule in )?chain [^:\n]*): .*$/m, '$1')

function differences({ lines }: Sequence, family: FamilyName, messages: boolean): string[] {
  const found: string[] = []
  let [our, their] = [new Place(family), new Place(family)]
  const done: string[][] = []
  const startAgain = (): void => {
    our = new Place(family)
    their = new Place(family)
    for (const words of done) {
      our.ours(words)
      their.theirs(words)
    }
  }
  for (const line of lines) {
    const words = splitWords(line)
    const [other, mine] = [their.theirs(words), our.ours(words)]
    const outcomes = { status: [mine.status, other.status], stdout: [mine.stdout, other.stdout] }
    const said = messages ? { stderr: [withoutReason(mine.stderr), other.stderr] } : {}
    const changes = mine.status === 0 || other.status === 0
    const ruleset = changes && !our.hasSameRulesAs(their) ? [our.ruleset(), their.ruleset()] : []
    const compared = isOwnText(words) ? { status: outcomes.status } : { ...outcomes, ...said }
    const different = Object.entries({ ...compared, ruleset }).filter(([, [one, two]]) => one !== two)
    for (const [what, [one, two]] of different)
      if (!isExplained(what, line)) found.push(`${family} ${line}\n  ${what}\n  ours   ${one}\n  theirs ${two}`)
    // Makes both places equal again for the lines that follow.
    if (ruleset[0] !== ruleset[1]) startAgain()
    else done.push(words)
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

/** What nft created before, the family of the commands, the commands, and those that differ intentionally. */
const BESIDE: readonly [string, FamilyName, string, string[]][] = [
  [
    'a chain hooked otherwise, and one without a hook',
    'ipv4',
    `table ip filter {
      set s { type ipv4_addr; elements = { 1.1.1.1 } }
      chain INPUT { type filter hook input priority 0; policy accept; }
      chain own { type filter hook input priority 5; policy drop; }
      chain plain { }
    }
    table inet x { chain c { }; }`,
    [
      ...['-A INPUT -s 1.1.1.1', '-S INPUT', '-S', '-L -n', '-L plain', '-A plain -s 2.2.2.2', '-C plain -s 2.2.2.2'],
      ...['-D plain -s 2.2.2.2', '-A own -s 2.2.2.2', '-S own', '-L own', '-F own', '-X own', '-E own other'],
      ...['-P own ACCEPT', '-Z own', '-N own', '-X plain', '-F'],
    ],
  ],
  [
    'a chain of the name of a built-in one, hooked otherwise',
    'ipv6',
    'table ip6 filter { chain INPUT { type filter hook input priority 10; }; }',
    [
      ...['-S', '-S INPUT', '-L INPUT', '-L OUTPUT -n', '-S OUTPUT', '-L INPUT 1', '-C INPUT -s ::1', '-D INPUT 1'],
      ...[
        '-A INPUT -s ::1',
        '-I INPUT -s ::1',
        '-P INPUT DROP',
        '-F INPUT',
        '-X INPUT',
        '-A OUTPUT -s ::1',
        '-S OUTPUT',
      ],
      ...['-N a', '-S a', '-L a -n', '-S OUTPUT 1', '-vS OUTPUT'],
    ],
  ],
  [
    'a chain hooked otherwise, which is told of where all are listed',
    'ipv6',
    'table ip6 filter { chain own { type filter hook input priority 10; }; chain a { }; }',
    ['-S', '-L -n', '-S OUTPUT', '-L OUTPUT', '-S a', '-S own', '-A INPUT -s ::1', '-S INPUT', '-S OUTPUT'],
  ],
]

test.each(BESIDE)('next to %s', (_, family, text, lines) => {
  const [our, their] = [new Place(family), new Place(family)]
  for (const place of [our, their]) place.nft(text)
  for (const line of lines) {
    const words = splitWords(line)
    const { stderr, ...mine } = our.ours(words)
    const outcome = { line, ...mine, stderr: withoutReason(stderr), ruleset: our.ruleset() }
    expect(outcome).toEqual({ line, ...their.theirs(words), ruleset: their.ruleset() })
  }
})

test('a chain with the name of a built-in one but without a hook is reported, and accepts no rules', () => {
  const our = new Place('ipv4')
  our.nft('table ip filter { chain INPUT { counter; }; chain a { jump INPUT; }; }')
  const before = our.ruleset()
  for (const line of ['-A INPUT -j ACCEPT', '-I INPUT -j DROP', '-R INPUT 1 -j DROP'])
    expect(our.ours(splitWords(line))).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/rule in chain INPUT: chain INPUT was created by nft without a hook/),
    })
  expect(our.ruleset()).toBe(before)
  for (const line of ['-S', '-S INPUT', '-L INPUT -n'])
    expect(our.ours(splitWords(line)).stdout).toMatch(/^# Table `filter' contains incompatible base-chains/)
  expect(our.ours(['-D', 'INPUT', '1']).status).toBe(0)
})

test('every deviation still applies', () => {
  expect(nftCommandDeviations.filter((one) => !applied.has(one))).toEqual([])
})
