/**
 * The tools that are replaced exist in two versions with the same names: for ip_tables and for nf_tables. This file
 * lists how the two differ.
 */
import { ERRNO } from '../abi/errno'
import type { Family } from '../abi/family'
import type { BackendName } from '../backend/store'
import { type IptcError, KernelError, RuleError } from '../errors'
import type { Command } from '../language/command'
import { LANGUAGE_VERSION, programOf } from '../language/help'
import { BUSY, Failure, NO_TABLE, NOT_ROOT, REFUSED, refusalText, USAGE } from './failure'
import { errnoReason } from './read-files'

/** What a tool does: run a command, print tables, or restore them. */
export type ToolKind = 'command' | 'save' | 'restore'

export interface Tool {
  readonly kind: ToolKind
  /** Its name in messages: `iptables`, `iptables-nft-save`. */
  readonly program: string
  /** Its name with the version: `iptables v1.8.9 (nf_tables)`. */
  readonly title: string
  readonly words: Words
}

/** Why a chain cannot be deleted. */
export type Hold = 'built in' | 'referred to' | 'not empty' | 'has a policy'

/** A chain that cannot be deleted. */
export interface HeldChain {
  readonly chain: string
  readonly hold: Hold
}

/** The messages and exit statuses in which the two versions differ. */
interface Words {
  /** In parentheses after the version. */
  readonly flavour: string
  /** Part of the names of the save and restore tools. */
  readonly infix: string
  /** Whether `-v` describes the change even if it then fails. */
  readonly tellsFirst: boolean
  /** For `-Z CHAIN NUMBER` if the chain does not exist. */
  readonly nothingToZero: string
  readonly noTable: (tool: Tool, table: string) => Failure
  /** If the kernel denies access to the table. */
  readonly mayNot: (tool: Tool, table: string) => Failure
  readonly noDestination: (chain: string, goto: boolean) => string
  readonly notListed: (tool: Tool, table: string, chain: string) => Failure
  /** If chains cannot be deleted. The message names only one of them. */
  readonly kept: (tool: Tool, chains: readonly [HeldChain, ...HeldChain[]]) => Failure
  /** If the rule is refused by the kernel, or by us because the kernel would refuse it. */
  readonly refused: (tool: Tool, kind: Command['kind'], error: RuleError | KernelError) => Failure
  /** The exit status of a restore if the kernel refuses a rule. */
  readonly restoreRefused: number
  /** Letters of options that restore accepts with any value, and ignores. */
  readonly ignored: string
  /** The warning next to a listing if ip_tables has tables, too. */
  readonly alsoLegacy: ((tool: Tool, family: Family) => string) | undefined
}

export function toolOf(family: Family, backend: BackendName, kind: ToolKind): Tool {
  const words = WORDS[backend]
  const program = kind === 'command' ? programOf(family) : `${programOf(family)}${words.infix}-${kind}`
  return { kind, program, title: `${program} ${LANGUAGE_VERSION} (${words.flavour})`, words }
}

/** A refusal in the form that both versions use. */
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

/** The tool's names for the messages that a command sends. */
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

/** If the kernel refuses to create the built-in chain that the rule needs, the tool names that operation instead. */
function operationOf(kind: Command['kind'], { cause }: RuleError | KernelError): string {
  const isChainMade =
    cause instanceof KernelError && cause.operation === MAKES_CHAIN && cause.errno === ERRNO.EOPNOTSUPP
  return isChainMade ? 'CHAIN_ADD' : (OPERATIONS[kind] ?? kind)
}

/** A refusal by the kernel: the operation, the errno, and the chain or rule. */
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

/** The kernel's errno, or EINVAL if we refused the rule in its place. */
function errnoOf(error: IptcError): number {
  const said = [error, error.cause].find((one) => one instanceof KernelError)
  return said?.errno ?? ERRNO.EINVAL
}
