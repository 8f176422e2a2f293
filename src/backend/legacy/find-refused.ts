/**
 * Finds out which of several new rules the kernel refuses, by trying them in a scratch packet filter of the same kernel.
 * The table itself is not changed.
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

/** A minimal set of rules that the kernel refuses together, in the order of the table, and the error. */
interface Finding {
  readonly refused: readonly Candidate[]
  readonly error: KernelError
}

/** Yields rules to try, in their order. Receives the kernel's error, or undefined if it accepted them. */
type Search<T> = Generator<readonly Candidate[], T, KernelError | undefined>

/** @returns undefined if none of the rules is at fault */
function* search(all: readonly Candidate[]): Search<Finding | undefined> {
  // If the kernel refuses the table even without the new rules, none of them is at fault.
  if ((yield []) !== undefined) return undefined
  let error = yield all
  if (error === undefined) return undefined
  let refused: Candidate[] = []
  for (let end = all.length; ; ) {
    // Together with `refused`, the first `most` rules are refused and the first `least` are accepted.
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

/** Whether this match or target refers to something in the network namespace. */
const isLocal = ({ at, known }: EntryExtension, bytes: Uint8Array): boolean =>
  known !== undefined &&
  (known.variant.isLocal || (known.variant.suspects?.(bytes, at).some(({ local }) => local) ?? false))

/** The rule without the parts that refer to its network namespace: the scratch one does not have what they name. */
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

/** Only the jump of a rule. The kernel's checks depend on the hooks from which a rule is reached, so jumps must stay. */
function bareJump(family: Family, { bytes, jump }: Entry): Entry {
  const head = new Uint8Array(family.entrySize)
  const { flags } = family.entry.fields
  flags.write(head, 0, flags.read(bytes, 0) & family.gotoFlag)
  return { bytes: buildEntry(family, head, [], buildVerdict(0)), jump }
}

/** The table with only these rules, and with bare jumps in place of others that jump. */
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

/** Tries rules in a table of the scratch packet filter, which holds the rules that were last accepted. */
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

/** The error for users. @param finding undefined if no rule was found to be at fault */
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

/** An empty packet filter accepts the rules, so the refusal depends on what is in the network namespace of the table. */
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

/** A refused table: its new rules and the kernel's error. */
interface Question {
  readonly kernel: Kernel
  readonly to: Ruleset
  readonly added: readonly Candidate[]
  readonly error: KernelError
}

/** @throws UnsupportedError, PermissionError if there is no scratch packet filter */
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

/** The error if the search itself failed. */
function unexplored({ to: { table }, error }: Question, cause: unknown): RuleError {
  if (!(cause instanceof IptcError)) throw cause
  const reason = `${error.message}; which rule it is could not be tried: ${cause.message}`
  return new RuleError('XT_RULE_REFUSED', { table }, reason, { cause: error })
}

/** @returns the error for the refused table, which names the rule if it was found */
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

/** As {@link findRefused}, with the large system calls off the main thread. */
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
