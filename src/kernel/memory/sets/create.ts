/** Creates a set of any type. */
import { IPSET_ERR } from '../../../abi/ip-set'
import { BitmapOfAddresses, BitmapOfMacs, BitmapOfPorts } from './bitmap-set'
import { refuse } from './failure'
import { HashSet } from './hash-set'
import { ListOfSets, type OtherSets } from './list-of-sets'
import type { Making, MemorySet } from './memory-set'

type Maker = (making: Making, others: OtherSets) => MemorySet

const MAKERS: Readonly<Record<string, Maker>> = {
  'bitmap:ip': (making) => new BitmapOfAddresses(making),
  'bitmap:ip,mac': (making) => new BitmapOfMacs(making),
  'bitmap:port': (making) => new BitmapOfPorts(making),
  'list:set': (making, others) => new ListOfSets(making, others),
}

/** The attributes of options for which the attribute does not have the name of the option. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  range: ['ip', 'ipTo', 'cidr', 'port', 'portTo'],
  counters: ['flags'],
  comment: ['flags'],
  skbinfo: ['flags'],
  forceadd: ['flags'],
}

/** @throws SetFailure */
export function makeSet(making: Making, others: OtherSets): MemorySet {
  const { type, options, revision } = making
  const said = Object.keys(type.create).filter((name) => (type.since[name] ?? 0) <= revision)
  const known = said.flatMap((name) => ATTRIBUTES[name] ?? [name])
  for (const name of Object.keys(options)) if (!known.includes(name)) refuse(IPSET_ERR.PROTOCOL)
  return (MAKERS[type.name] ?? ((one) => new HashSet(one)))(making, others)
}
