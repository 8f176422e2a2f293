/**
 * The dictionary API: tables, chains and rules by name, rules as plain data in the form of python-iptables. Each
 * function opens the tables that it needs and closes them again.
 *
 * A rule is
 * `{ protocol: 'tcp', src: '10.0.0.0/8', 'in-interface': '!eth0', tcp: { dport: ['!', '22'] }, comment: { comment: 'x' }, target: { REJECT: { 'reject-with': 'icmp-port-unreachable' } }, counters: [1, 56] }`.
 * If the keys cannot express the order of the matches, `matches` lists their names. An unknown extension is
 * `{ revision: 1, payload: '0x…' }` under its name. Unlike in python-iptables, input that is not understood is an
 * error.
 * @since 0.1.0
 * @module
 */
export { Batch } from './batch'
export {
  batchAddChains,
  batchAddRules,
  batchBegin,
  batchDeleteChains,
  batchDeleteRules,
  batchEnd,
  type RuleToAdd,
  type RuleToDelete,
} from './batch-functions'
export {
  addRule,
  decodeRule,
  deleteRule,
  encodeRule,
  getRule,
  getRuleCounters,
  getRulePosition,
  hasRule,
  insertRule,
  replaceRule,
  testMatch,
  testRule,
  testTarget,
} from './rules'
export { applySets, type DumpedSet, diffSets, dumpSets, type SetDictionary, type SetDifference } from './sets'
export {
  addChain,
  deleteChain,
  dumpAll,
  dumpChain,
  dumpTable,
  type FlushOption,
  flushAll,
  flushChain,
  flushTable,
  getChains,
  getPolicy,
  getTables,
  hasChain,
  setPolicy,
  zeroAll,
  zeroChain,
  zeroTable,
} from './tables'
