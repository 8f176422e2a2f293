/** The two port options that the matches of most transport protocols share. */
import type { Field } from '../binary/codec'
import { bit } from '../binary/struct'
import { listRange } from './listing'
import { option } from './option'
import { anyPort, type PortRange } from './values/port'
import type { ValueType } from './values/value'

interface PortFields {
  readonly spts: Field<PortRange>
  readonly dpts: Field<PortRange>
  /** Where it is stored that they are given. The bits are the same that negate them in `invflags`. */
  readonly flags?: Field<number>
  readonly invflags: Field<number>
}

/** `--sport` and `--dport`, in the lowest two bits of the flags. Default: every port. */
export const portOptions = ({ spts, dpts, flags, invflags }: PortFields, ports: ValueType<PortRange>) => {
  const stored = (mask: number) => ({
    ...(flags === undefined ? { absent: anyPort } : { present: bit(flags, mask) }),
    negation: bit(invflags, mask),
  })
  return {
    sport: option(ports, spts, { aliases: ['source-port'], ...stored(0x01), list: listRange('spt', anyPort) }),
    dport: option(ports, dpts, { aliases: ['destination-port'], ...stored(0x02), list: listRange('dpt', anyPort) }),
  }
}
