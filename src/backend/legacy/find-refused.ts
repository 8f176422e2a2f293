/**
 * Finds out which of many new rules the kernel refuses, by trying them in an empty table's place: in a packet filter of
 * the same kernel that nobody uses. The table itself is left alone.
 */
import type { Family } from '../../abi/family'
import { type Request, writeRuleset } from '../../blob/write'
import { IptcError, KernelError, RuleError, UnsupportedError } from '../../errors'
import { Client } from '../../kernel/client'
import type { Kernel, Scratch } from '../../kernel/kernel'
import { buildEntry, buildVerdict, matchParts, targetPart } from '../../ruleset/entry'
import { type EntryExtension, entryExtension, entryExtensions } from '../../ruleset/entry-extensions'
import { Rules } from '../../ruleset/rules'
import type { Chain, Ruleset } from '../../ruleset/ruleset'
import type { Entry } from '../../ruleset/table-entry'
import { blame, type Candidate } from '../refused-rule'

/** Which rules are refused together, as few as can be, the last of them last; and with what. */
interface Finding {
  readonly refused: readonly Candidate[]
  readonly error: KernelError
}

/** Yields rules to try, in their order, and is given what the kernel said, or undefined where it took them. */
type Search<T> = Generator<readonly Candidate[], T, KernelError | undefined>

/** @returns undefined where they are taken. */
function* search(all: readonly Candidate[]): Search<Finding | undefined> {
  // Without them, the table has to be taken: else the fault is in none of them.
  if ((yield []) !== undefined) return undefined
  let error = yield all
  if (error === undefined) return undefined
  let refused: Candidate[] = []
  for (let end = all.length; ; ) {
    // The first `most`, beside those that are refused already, are refused; the first `least` are not.
    let [least, most] = [0, end]
    while (most - least > 1) {
      const middle = (least + most) >> 1
      const answer = yield [...all.slice(0, middle), ...refused]
      if (answer === undefined) least = middle
      else [most, error] = [middle, answer]
    }
    end = most - 1
    refused = [all[end] as Candidate, ...refused]
    const answer = yield refused
    if (answer !== undefined) return { refused, error: answer }
    if (end === 0) return { refused, error }
  }
}

/** Whether the kernel looks for something in the network namespace on account of this part. */
const isLocal = ({ at, known }: EntryExtension, bytes: Uint8Array): boolean =>
  known !== undefined &&
  (known.variant.isLocal || (known.variant.suspects?.(bytes, at).some(({ local }) => local) ?? false))

/** The rule without what it asks for in its network namespace, which is not in another. */
function withoutLocal(family: Family, entry: Entry): Entry {
  const { bytes, jump } = entry
  if (!entryExtensions(family, bytes).some((part) => isLocal(part, bytes))) return entry
  const matches = matchParts(family, bytes, 0)
    .filter((part) => !isLocal(entryExtension('match', family, bytes, part), bytes))
    .map(({ at, size }) => bytes.subarray(at, at + size))
  const target = targetPart(family, bytes, 0)
  const goesOn = jump === undefined && isLocal(entryExtension('target', family, bytes, target), bytes)
  const last = goesOn ? buildVerdict(0) : bytes.subarray(target.at, target.at + target.size)
  return { bytes: buildEntry(family, bytes, matches, last), jump: goesOn ? '' : jump }
}

/** Of a rule that leads to another chain, no more than that: from which hooks a rule is reached is part of the question. */
function bareJump(family: Family, { bytes, jump }: Entry): Entry {
  const head = new Uint8Array(family.entrySize)
  const { flags } = family.entry.fields
  flags.write(head, 0, flags.read(bytes, 0) & family.gotoFlag)
  return { bytes: buildEntry(family, head, [], buildVerdict(0)), jump }
}

/** The table with these of its rules. */
function trial(to: Ruleset, rules: ReadonlySet<Entry>): Request {
  const { family } = to
  const tried = (rule: Entry): readonly Entry[] => {
    if (rules.has(rule)) return [withoutLocal(family, rule)]
    return rule.jump ? [bareJump(family, rule)] : []
  }
  const chains = Array.from(to.chains, ([name, chain]): [string, Chain] => [
    name,
    { ...chain, rules: Rules.of(...[...chain.rules].flatMap(tried)) },
  ])
  return writeRuleset({ ...to, chains: new Map(chains) })
}

function answerOf(error: unknown): KernelError {
  if (error instanceof KernelError) return error
  throw error
}

/** Tries in a table of a place of their own, which holds what was taken last. */
class Trials {
  readonly #place: Scratch
  readonly #client: Client
  readonly #to: Ruleset
  #count = 0

  constructor(place: Scratch, to: Ruleset) {
    this.#place = place
    this.#client = new Client(place.kernel, to.family)
    this.#to = to
  }

  #request(rules: readonly Candidate[]): Request {
    this.#count ||= this.#client.info(this.#to.table).numEntries
    return trial(this.#to, new Set(rules.map(({ rule }) => rule)))
  }

  try(rules: readonly Candidate[]): KernelError | undefined {
    const { layout, bytes } = this.#request(rules)
    try {
      this.#client.replace(this.#to.table, layout, bytes, this.#count)
    } catch (error) {
      return answerOf(error)
    }
    this.#count = layout.numEntries
    return undefined
  }

  async tryAsync(rules: readonly Candidate[]): Promise<KernelError | undefined> {
    const { layout, bytes } = this.#request(rules)
    try {
      await this.#client.replaceAsync(this.#to.table, layout, bytes, this.#count)
    } catch (error) {
      return answerOf(error)
    }
    this.#count = layout.numEntries
    return undefined
  }

  [Symbol.dispose](): void {
    this.#client.close()
    this.#place.close()
  }
}

const spot = ({ place }: Candidate): string => `rule ${(place.position ?? 0) + 1} of chain ${place.chain}`

/** What was found, as users see it. */
function explain(
  error: KernelError,
  to: Ruleset,
  added: readonly Candidate[],
  finding: Finding | undefined,
): RuleError {
  const { family, table } = to
  if (finding === undefined) return blameNamespace(error, to, added)
  const others = finding.refused.slice(0, -1)
  const note =
    others.length === 0 ? '' : `; it is taken alone, and refused together with ${others.map(spot).join(', ')}`
  const last = finding.refused.at(-1)
  return last === undefined
    ? new RuleError('XT_RULE_REFUSED', { table }, error.message, { cause: error })
    : blame(finding.error, family, last, note)
}

/** The rules are taken where nothing is: what is refused hangs on what is in the namespace of the table. */
function blameNamespace(error: KernelError, { family, table }: Ruleset, added: readonly Candidate[]): RuleError {
  const local = added.filter(({ rule }) => withoutLocal(family, rule) !== rule)
  const [only, ...others] = local
  if (only !== undefined && others.length === 0) return blame(error, family, only)
  const why =
    local.length === 0
      ? 'an empty table takes the new rules'
      : `it hangs on what is in this network namespace and named by one of these: ${local.map(spot).join(', ')}`
  return new RuleError('XT_RULE_REFUSED', { table }, `${error.message}; ${why}`, { cause: error })
}

/** What the kernel refused, and what is known of it. */
interface Question {
  readonly kernel: Kernel
  readonly to: Ruleset
  readonly added: readonly Candidate[]
  readonly error: KernelError
}

/** @throws IptcError where there is no place to try anything in */
function openTrials({ kernel, to }: Question): Trials {
  const place = kernel.scratch?.()
  if (place === undefined)
    throw new UnsupportedError(
      'XT_NO_NETLINK',
      `${kernel.description} has no scratch network namespace to try rules in; leave out the option findRefused`,
    )
  return new Trials(place, to)
}

function* explore({ to, added, error }: Question): Search<RuleError> {
  return explain(error, to, added, yield* search(added))
}

/** That nothing could be found out. */
function unexplored({ to: { table }, error }: Question, cause: unknown): RuleError {
  if (!(cause instanceof IptcError)) throw cause
  const reason = `${error.message}; which rule it is could not be tried: ${cause.message}`
  return new RuleError('XT_RULE_REFUSED', { table }, reason, { cause: error })
}

/** @returns the error that names the rule which the kernel refused, as far as that could be found out. */
export function findRefused(question: Question): RuleError {
  try {
    using trials = openTrials(question)
    const steps = explore(question)
    let step = steps.next()
    while (!step.done) step = steps.next(trials.try(step.value))
    return step.value
  } catch (cause) {
    return unexplored(question, cause)
  }
}

/** As {@link findRefused}, off the main thread. */
export async function findRefusedAsync(question: Question): Promise<RuleError> {
  try {
    using trials = openTrials(question)
    const steps = explore(question)
    let step = steps.next()
    while (!step.done) step = steps.next(await trials.tryAsync(step.value))
    return step.value
  } catch (cause) {
    return unexplored(question, cause)
  }
}
