/** The IPv6 extension headers that may come before the payload of a packet. */
import { HOP_BY_HOP, PROTOCOLS } from '../abi/protocols'

export const OPTION_HEADERS: readonly number[] = [
  ...[HOP_BY_HOP, PROTOCOLS.ah],
  ...[PROTOCOLS['ipv6-route'], PROTOCOLS['ipv6-opts'], PROTOCOLS['ipv6-frag']],
]

/** Size in bytes of an extension header with this length field. */
export function headerSize(number: number, length: number): number {
  if (number === PROTOCOLS['ipv6-frag']) return 8
  return number === PROTOCOLS.ah ? 4 * (length + 2) : 8 * (length + 1)
}
