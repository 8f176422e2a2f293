/**
 * The tools that are replaced: those that use ip_tables, and those that use nf_tables. Both have the same
 * names; their differences are listed here.
 */
import { ERRNO } from '../abi/errno'
import type { Family } from '../abi/family'
import type { BackendName } from '../backend/store'
import { type IptcError, KernelError, RuleError } from '../errors'
import type { Command } from '../language/command'
import { LANGUAGE_VERSION, programOf } from '../language/help'
import { BUSY, Failure, NO_TABLE, NOT_ROOT, REFUSED, refusalText, USAGE } from './failure'
import { errnoReason } from './read-files'

/** What a tool does: carry out a command, print tables, or read them. */
export type ToolKind = 'command' | 'save' | 'restore'

export interface Tool {
  readonly kind: ToolKind
  /** What it calls itself: `iptables`, `iptables-nft-save`. */
  readonly program: string
  /** With its version: `iptables v1.8.9 (nf_tables)`. */
  readonly title: string
  readonly words: Words
}

/** Why a chain cannot be taken out. */
export type Hold = 'built in' | 'referred to' | 'not empty' | 'has a policy'

/** A chain that cannot be taken out. */
export interface HeldChain {
  readonly chain: string
  readonly hold: Hold
}

/** What the tools say differently, and end with. */
interface Words {
  /** In brackets behind the version. */
  readonly flavour: string
  /** In the names of those that save and restore. */
  readonly infix: string
  /** Whether `-v` tells what is to be done before it is known that it cannot be. */
  readonly tellsFirst: boolean
  /** Of a rule number that is to be set to zero in a chain which is not there. */
  readonly nothingToZero: string
  readonly noTable: (tool: Tool, table: string) => Failure
  /** To whom the kernel does not hand out a table. */
  readonly mayNot: (tool: Tool, table: string) => Failure
  readonly noDestination: (chain: string, goto: boolean) => string
  readonly notListed: (tool: Tool, table: string, chain: string) => Failure
  /** Of several chains, it tells of one. */
  readonly kept: (tool: Tool, chains: readonly [HeldChain, ...HeldChain[]]) => Failure
  /** Of a command whose rule the kernel does not take, or we do not for its sake. */
  readonly refused: (tool: Tool, kind: Command['kind'], error: RuleError | KernelError) => Failure
  /** The status of a restore of which the kernel does not take a rule. */
  readonly restoreRefused: number
  /** Options that mean nothing any more and may be anything; of restoring. */
  readonly ignored: string
  /** What is said beside a list of tables where ip_tables has some too. */
  readonly alsoLegacy: ((tool: Tool, family: Family) => string) | undefined
}

export function toolOf(family: Family, backend: BackendName, kind: ToolKind): Tool {
  const words = WORDS[backend]
  const program = kind === 'command' ? programOf(family) : `${programOf(family)}${words.infix}-${kind}`
  return { kind, program, title: `${program} ${LANGUAGE_VERSION} (${words.flavour})`, words }
}

/** A refusal as both word it. */
export const refused = ({ program }: Tool, message: string): Failure => new Failure(REFUSED, `${program}: ${message}\n`)

const MAKES_CHAIN = 'NFT_MSG_NEWCHAIN'
const NO_SUCH = 'No chain/target/match by that name.'
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?).'
const UPGRADE = (program: string): string => `Perhaps ${program} or your kernel needs to be upgraded.\n`

const uninitialized: Readonly<Record<ToolKind, (tool: Tool, table: string, reason: string) => Failure>> = {
  command: ({ program, title }, table, reason) =>
    new Failure(NO_TABLE, `${title}: can't initialize ${program} table \`${table}': ${reason}\n${UPGRADE(program)}`),
  save: ({ title }, _, reason) => new Failure(REFUSED, `${title}: Cannot initialize: ${reason}\n`),
  restore: ({ title }, _, reason) => new Failure(USAGE, `${title}: ${reason}\n`),
}

const legacy: Words = {
  flavour: 'legacy',
  infix: '',
  tellsFirst: true,
  nothingToZero: NO_SUCH,
  noTable: (tool, table) => uninitialized[tool.kind](tool, table, 'Table does not exist (do you need to insmod?)'),
  mayNot: (tool, table) => uninitialized[tool.kind](tool, table, NOT_ROOT),
  noDestination: (chain, goto) =>
    goto ? `goto '${chain}' is not a chain` : `Couldn't load target \`${chain}':No such file or directory\n`,
  notListed: (tool) => refused(tool, NO_SUCH),
  kept: (tool, chains) => refused(tool, HOLDS[(chains.at(-1) as HeldChain).hold]),
  refused: (tool, _, error) =>
    refused(
      tool,
      error instanceof RuleError ? refusalText(error) : `${error.message}. Run \`dmesg' for more information.`,
    ),
  restoreRefused: REFUSED,
  ignored: '',
  alsoLegacy: undefined,
}

const HOLDS: Readonly<Record<Hold, string>> = {
  'built in': "Invalid argument. Run `dmesg' for more information.",
  'referred to': 'Too many links.',
  'not empty': 'Directory not empty.',
  'has a policy': 'Directory not empty.',
}

/** What the tool calls the messages that a command sends. */
const OPERATIONS: Partial<Record<Command['kind'], string>> = {
  append: 'RULE_APPEND',
  insert: 'RULE_INSERT',
  replace: 'RULE_REPLACE',
  delete: 'RULE_DELETE',
  'delete-number': 'RULE_DELETE',
  'new-chain': 'CHAIN_USER_ADD',
  'delete-chain': 'CHAIN_DEL',
  'rename-chain': 'CHAIN_RENAME',
  policy: 'CHAIN_UPDATE',
}

/** Of a built-in chain that is made on the way, the tool tells that. */
function operationOf(kind: Command['kind'], { cause }: RuleError | KernelError): string {
  const isChainMade =
    cause instanceof KernelError && cause.operation === MAKES_CHAIN && cause.errno === ERRNO.EOPNOTSUPP
  return isChainMade ? 'CHAIN_ADD' : (OPERATIONS[kind] ?? kind)
}

/** What was sent, what the kernel made of it, and what that was about. */
const failed = ({ title }: Tool, operation: string, errno: number, about: string): Failure =>
  new Failure(BUSY, `${title}:  ${operation} failed (${errnoReason(errno)}): ${about}\n`)

const nft: Words = {
  flavour: 'nf_tables',
  infix: '-nft',
  tellsFirst: false,
  nothingToZero: BAD_RULE,
  noTable: ({ kind, program, title }, table) =>
    kind === 'save'
      ? new Failure(REFUSED, `Table \`${table}' does not exist\n`)
      : new Failure(NO_TABLE, `${title}: table '${table}' does not exist\n${UPGRADE(program)}`),
  mayNot: ({ title }) => new Failure(BUSY, `${title}: Could not fetch rule set generation id: ${NOT_ROOT}\n`),
  noDestination: (chain) => `Chain '${chain}' does not exist`,
  notListed: ({ title }, table, chain) =>
    new Failure(REFUSED, `${title}: chain \`${chain}' in table \`${table}' is incompatible, use 'nft' tool.\n`),
  kept: (tool, [{ chain, hold }]) =>
    hold === 'has a policy' ? refused(tool, HOLDS[hold]) : failed(tool, 'CHAIN_DEL', ERRNO.EBUSY, `chain ${chain}`),
  refused(tool, kind, error) {
    const rule = error instanceof RuleError ? error : undefined
    const about = rule?.position === undefined ? `chain ${rule?.chain ?? ''}` : `rule in chain ${rule.chain}`
    return failed(tool, operationOf(kind, error), errnoOf(error), `${about}: ${rule?.reason ?? error.message}`)
  },
  restoreRefused: BUSY,
  ignored: 'wW',
  alsoLegacy({ kind }, family) {
    const legacyName = `${programOf(family)}-legacy`
    const other = kind === 'save' ? `${legacyName}-save` : legacyName
    return `# Warning: ${legacyName} tables present, use ${other} to see them\n`
  },
}

const WORDS: Readonly<Record<BackendName, Words>> = { legacy, nft }

/** What the kernel said; where it was not asked, what it would have said. */
function errnoOf(error: IptcError): number {
  const said = [error, error.cause].find((one) => one instanceof KernelError)
  return said?.errno ?? ERRNO.EINVAL
}
