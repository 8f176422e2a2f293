/** The public interface of the package: programs the Linux packet filter from Node without iptables. */
export type { FamilyName } from './abi/family'
export type { TableName } from './abi/netfilter'
export { type DetectOptions, detectBackend } from './backend/detect'
export type { ChainChange, RuleChange, TableChange } from './backend/nft/watched-table'
export type { BackendName } from './backend/store'
export type { DiagnosticEvents, DiagnosticName } from './diagnostics'
export type { Place } from './easy/batch'
export type {
  CountersIn,
  CountersOut,
  DumpedRule,
  OpaqueDictionary,
  RuleDictionary,
} from './easy/dictionary'
export * as easy from './easy/easy'
export type { EasyOptions, ThrowsOption } from './easy/options'
export { rule6Schema, ruleSchema } from './easy/rule-schema'
export type { DumpedTable } from './easy/tables'
export type { CodeOf, ErrorCode } from './error-codes'
export {
  BlobError,
  ConflictError,
  CountersError,
  IptcError,
  KernelError,
  LockTimeoutError,
  MessageError,
  NetlinkError,
  NotFoundError,
  PermissionError,
  RestoreError,
  RuleError,
  type RulePart,
  type RulePlace,
  SetError,
  SetTextError,
  UnsupportedError,
  XtablesError,
} from './errors'
export type { ChainGraph, GraphEdge, GraphNode } from './graph/graph'
export { chainGraph } from './graph/graph'
export { type GraphFormat, printGraph } from './graph/print'
export { type EntryTextOptions, parseSetEntry, printSetEntry } from './ipset/entry-text'
export {
  IpSet,
  type Replacement,
  type SetHeader,
} from './ipset/ip-set'
export type { ExistOption, SetPlace } from './ipset/sets'
export type { CreateOptions, ListedEntry, SetEntry, SetTypeName, ToldOptions } from './ipset/types'
export { isTable6Available, isTableAvailable } from './iptc/available'
export { Chain } from './iptc/chain'
export type { ChainHandle, ChainTable } from './iptc/chain-handle'
export type { CountersInput } from './iptc/counters'
export type { MatchName, MatchParameters, TargetName, TargetParameters } from './iptc/extension-object'
export type { WaitOptions } from './iptc/lock-wait'
export { Match, type MatchConstructor, type MatchObject } from './iptc/match'
export { type MigrateOptions, MigrationError, type MigrationPlan, migrate, type TableMove } from './iptc/migrate'
export { Policy, type PolicyName } from './iptc/policy'
export { type AddressInput, AnyRule, type InterfaceInput, Rule, Rule6 } from './iptc/rule'
export { type RestoreOptions, restore, type SaveOptions, save, type TextOptions } from './iptc/save-restore'
export { AnyTable, Table, Table6 } from './iptc/table'
export type { TableHandle, TableOptions } from './iptc/table-handle'
export { Target, type TargetConstructor, type TargetObject, type TargetOptions } from './iptc/target'
export type { ResyncEvent, TableEvent, WatchOptions } from './iptc/watch'
export { parseJson } from './json'
export { type Capture, type CaptureJson, captureFromJson, captureTable, captureToJson } from './kernel/capture'
export type { SetIdentity } from './kernel/client'
export type {
  Connection,
  Kernel,
  Lend,
  Lock,
  LockRequest,
  Log,
  NetlinkConnection,
  NetlinkPort,
  Scratch,
} from './kernel/kernel'
export { LinuxKernel, type LinuxKernelOptions } from './kernel/linux/linux-kernel'
export { NetworkNamespace } from './kernel/linux/namespace'
export { MemoryKernel, type MemoryKernelOptions } from './kernel/memory/memory-kernel'
export {
  captureNftTable,
  type NftCapture,
  type NftCaptureJson,
  nftCaptureFromJson,
  nftCaptureToJson,
} from './kernel/nft-capture'
export type { Finding, FindingKind, RulePlaceInTable } from './lint/finding'
export { type LintOptions, lint } from './lint/lint'
export { type Session, sshSession } from './lint/lockout'
export { type MetricsOptions, OPEN_METRICS_TYPE, openMetrics } from './metrics/open-metrics'
export { type PromCounterOptions, promCounters } from './metrics/prom-client'
export { type NetlinkEvent, type NetlinkRecording, recordNetlink, replayNetlink } from './netlink/record'
export type { Author } from './nft/notices'
export type { Desired, DesiredChain, DesiredRule, DesiredTable } from './reconcile/desired'
export type { JumpPlace } from './reconcile/jumps'
export type { Ownership } from './reconcile/ownership'
export { type FormatOptions, Plan } from './reconcile/plan'
export type { ChainPlan, MovedRule, PlanData, PlannedRule, ReplacedRule, TablePlan } from './reconcile/plan-data'
export { type ReconcileAsyncOptions, type ReconcileOptions, reconcile, reconcileAsync } from './reconcile/reconcile'
export type { Counters } from './ruleset/entry'
export type { Explanation } from './trace/explain'
export { FamilyRuleset } from './trace/family-ruleset'
export type { ConnectionState, PacketDescription } from './trace/packet'
export type { PacketChange } from './trace/packet-changes'
export {
  type PolicyStep,
  type RuleStep,
  type Trace,
  type TraceFork,
  type TraceOptions,
  type TraceStep,
  type TraceVerdict,
  type TranslatedStep,
  trace,
} from './trace/trace'
export { type RuleRate, rates } from './view/rates'
export type { ChainSnapshot, RuleSnapshot, SnapshotOptions, TableSnapshot } from './view/snapshot'
export { snapshot, snapshotAsync } from './view/snapshot'
export type { ListOptions } from './view/text'
export { printTree } from './view/tree'
