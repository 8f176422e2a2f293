/**
 * The dictionary API: tables, chains and rules by name, rules as plain data in the shape of python-iptables. Each
 * function opens what it needs and closes it again.
 *
 * A rule is `{ protocol: 'tcp', src: '10.0.0.0/8', 'in-interface': '!eth0', tcp: { dport: ['!', '22'] }, comment:
 * { comment: 'x' }, target: { REJECT: { 'reject-with': 'icmp-port-unreachable' } }, counters: [1, 56] }`. Where a chain's
 * keys cannot tell the order of its matches, `matches` lists their names. What is not known here is
 * `{ revision: 1, payload: '0x…' }` under its name. Unlike in python-iptables, nothing that is asked is passed over.
 */
export { Batch } from './batch'
export {
  batchAddChains,
  batchAddRules,
  batchBegin,
  batchDeleteChains,
  batchDeleteRules,
  batchEnd,
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
