/** The errors for a batch that the kernel refused: which rule or chain is at fault, and why. */
import { ERRNO, errnoName } from '../../abi/errno'
import { HOOKS, type Hook } from '../../abi/netfilter'
import { MAX_EXPRESSIONS, MAX_JUMPS } from '../../abi/nf-tables'
import { brokenDemand } from '../../blob/verify'
import { type IptcError, NetlinkError, PermissionError, RuleError, type RulePart, type RulePlace } from '../../errors'
import { faultOf, faultText } from '../../extensions/extension'
import type { Known } from '../../extensions/registry'
import { explain, type Refusal } from '../../netlink/refusal'
import { expressionList } from '../../nft/expressions'
import { writeRule } from '../../nft/rule'
import { entryExtensions, ruleHead } from '../../ruleset/entry-extensions'
import { countersOf, jumpOf, type Ruleset } from '../../ruleset/ruleset'
import type { Entry } from '../../ruleset/table-entry'
import { blame } from '../refused-rule'
import type { ChangeRequest } from './changes'

/** @param to the table that was to be written */
export function refusalError(to: Ruleset, refusal: Refusal, change: ChangeRequest | undefined): IptcError {
  const owned = ownedBy(to, refusal)
  if (owned !== undefined) return owned
  const error = explain(refusal)
  if (!(error instanceof NetlinkError) || change === undefined) return error
  const { added, place } = change
  if (added !== undefined) return refusedRule(to, error, added, place)
  const reason = chainReason(to, refusal.errno, place) ?? error.reason ?? 'the kernel does not say why'
  return new RuleError('XT_RULE_REFUSED', place, `${reason} (${refusal.request.name}: ${errnoName(refusal.errno)})`, {
    cause: error,
  })
}

/** If a table has an owner, the kernel returns EPERM to every other program, even with CAP_NET_ADMIN. */
function ownedBy({ table, foreign }: Ruleset, refusal: Refusal): PermissionError | undefined {
  if (foreign?.owner === undefined || refusal.errno !== ERRNO.EPERM) return undefined
  return new PermissionError(
    'XT_TABLE_OWNED',
    `table ${table} has an owner, the program with netlink port ${foreign.owner} (as a rule, the id of its process), and ` +
      `nobody else may change it: have that program do it, or end it (${refusal.request.name}: EPERM)`,
    { cause: refusal },
  )
}

/** Why the kernel refuses to change a chain, by errno. */
const CHAIN_REASONS: Readonly<Record<number, string>> = {
  [ERRNO.EBUSY]: 'the chain is in use: rules refer to it, or it is not empty',
  [ERRNO.ENOENT]: 'what was read is not there any more',
}

function chainReason({ foreign }: Ruleset, errno: number, { chain }: RulePlace): string | undefined {
  const other = chain === undefined ? undefined : foreign?.chains.get(chain)
  if (other === undefined || errno === ERRNO.EBUSY) return CHAIN_REASONS[errno]
  return `the table has a ${other}, which iptables cannot express; it is left alone, and must be deleted or renamed with nft`
}

function refusedRule(to: Ruleset, error: NetlinkError, rule: Entry, place: RulePlace): RuleError {
  const reached = reachedChains(to)
  const refused = (reason: string, part: RulePart = {}): RuleError =>
    new RuleError('XT_RULE_REFUSED', { ...place, ...part }, `${reason} (${error.operation}: ${error.errnoName})`, {
      cause: error,
    })
  const own = brokenRule(to, rule, reached.get(place.chain ?? ''))
  if (own !== undefined) return refused(own.reason, own.part)
  const limit = LIMITS[error.errno]?.(to, rule)
  if (limit !== undefined) return refused(limit)
  const behind = rule.jump === undefined ? undefined : brokenBehind(to, rule.jump, reached)
  return behind === undefined ? blame(error, to.family, { rule, place }) : refused(behind)
}

const LIMITS: Readonly<Record<number, (to: Ruleset, rule: Entry) => string | undefined>> = {
  [ERRNO.EMLINK]: () => `chains go to each other in a loop, or by more than ${MAX_JUMPS} jumps`,
  [ERRNO.EINVAL]({ family }, rule) {
    const bytes = writeRule(family, rule, countersOf(family, rule))
    let count = 0
    expressionList.each({ bytes, at: 0, end: bytes.length }, () => void count++)
    if (count <= MAX_EXPRESSIONS) return undefined
    return `it takes ${count} expressions of nf_tables, which has room for ${MAX_EXPRESSIONS} in a rule`
  },
}

interface Broken {
  readonly part: RulePart
  readonly reason: string
}

/** A demand of an extension that the rule does not meet. @param hooks from which the rule is reached */
export function brokenPart(
  { family, table }: Ruleset,
  { bytes }: Entry,
  hooks: readonly Hook[],
  { extension, variant }: Known,
  demands = extension.demands,
): Broken | undefined {
  const broken = brokenDemand({ demands }, { ...ruleHead(family, bytes, 0), table, hooks })
  if (broken === undefined) return undefined
  const { parameter } = faultOf(broken)
  return { part: { extension: extension.name, parameter }, reason: faultText(extension, variant, broken) }
}

function brokenRule(to: Ruleset, rule: Entry, hooks: ReadonlySet<Hook> = new Set()): Broken | undefined {
  const from = HOOKS.filter((hook) => hooks.has(hook))
  for (const { known } of entryExtensions(to.family, rule.bytes)) {
    const broken = known && brokenPart(to, rule, from, known)
    if (broken !== undefined) return broken
  }
  return undefined
}

/** The fault of a rule in a chain that is reached by a new jump: the kernel checks it for more hooks than before. */
function brokenBehind(to: Ruleset, chain: string, reached: Reached): string | undefined {
  for (const name of chainsFrom(to, chain))
    for (const [i, rule] of to.chains.get(name)?.rules.map((one, i) => [i, one] as const) ?? []) {
      const broken = brokenRule(to, rule, reached.get(name))
      if (broken !== undefined) return `it leads to rule ${i + 1} of chain ${name}: ${broken.reason}`
    }
  return undefined
}

/** The hooks from which each chain is reached. */
type Reached = ReadonlyMap<string, ReadonlySet<Hook>>

function reachedChains(to: Ruleset): Reached {
  const reached = new Map<string, Set<Hook>>()
  for (const { name, hook } of to.chains.values())
    if (hook !== undefined)
      for (const chain of chainsFrom(to, name)) reached.set(chain, (reached.get(chain) ?? new Set()).add(hook))
  return reached
}

/** A chain, and all chains that its rules lead to. */
function chainsFrom({ chains }: Ruleset, first: string): Set<string> {
  const found = new Set([first])
  for (const name of found) {
    const rules = chains.get(name)?.rules
    for (const ref of rules?.refs ?? []) {
      const jump = rules && jumpOf(rules, ref)
      if (jump !== undefined && jump !== '') found.add(jump)
    }
  }
  return found
}
