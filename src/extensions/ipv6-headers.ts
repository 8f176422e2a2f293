/** The headers that may stand in a packet of IPv6 before what it carries. */
import { HOP_BY_HOP, PROTOCOLS } from '../abi/protocols'

export const OPTION_HEADERS: readonly number[] = [
  ...[HOP_BY_HOP, PROTOCOLS.ah],
  ...[PROTOCOLS['ipv6-route'], PROTOCOLS['ipv6-opts'], PROTOCOLS['ipv6-frag']],
]

/** How many bytes one of them has, by what it says of its length. */
export function headerSize(number: number, length: number): number {
  if (number === PROTOCOLS['ipv6-frag']) return 8
  return number === PROTOCOLS.ah ? 4 * (length + 2) : 8 * (length + 1)
}
