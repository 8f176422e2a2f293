/** The two options that the matches of most transport protocols share. */
import type { Field } from '../binary/codec'
import { bit } from '../binary/struct'
import { fill, type ListForm } from './listing'
import { option } from './option'
import { anyPort, type PortRange } from './values/port'
import type { ValueType } from './values/value'

interface PortFields {
  readonly spts: Field<PortRange>
  readonly dpts: Field<PortRange>
  readonly invflags: Field<number>
}

/** `spt:22`, `spts:!1:1023` */
const listPorts =
  (label: string): ListForm<PortRange> =>
  ([first, last], shown) =>
    fill(first === last ? `${label}:[!]$` : `${label}s:[!]$`, shown)

/** `--sport` and `--dport`, negated by the lowest two bits of `invflags`; every port where they are not given. */
export const portOptions = ({ spts, dpts, invflags }: PortFields, ports: ValueType<PortRange>) => ({
  sport: option(ports, spts, {
    aliases: ['source-port'],
    absent: anyPort,
    negation: bit(invflags, 0x01),
    list: listPorts('spt'),
  }),
  dport: option(ports, dpts, {
    aliases: ['destination-port'],
    absent: anyPort,
    negation: bit(invflags, 0x02),
    list: listPorts('dpt'),
  }),
})
