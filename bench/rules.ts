/** The rules that are timed: each has an address, a port and a comment, and takes 488 bytes in an IPv4 table. */
import type { FamilyName } from '../src/abi/family'

const ADDRESSES: Readonly<Record<FamilyName, (i: number) => string>> = {
  ipv4: (i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}/32`,
  ipv6: (i) => `2001:db8::${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}/128`,
}

/** The rule of this number, as iptables-save prints it behind `-A CHAIN `. */
export const ruleLine = (family: FamilyName, i: number): string =>
  `-s ${ADDRESSES[family](i + 1)} -p tcp -m tcp --dport ${1 + (i % 65535)} -m comment --comment "rule ${i}" -j ACCEPT`

/** A text for iptables-restore with so many rules in INPUT. */
export const restoreText = (family: FamilyName, count: number): string =>
  ['*filter', ...Array.from({ length: count }, (_, i) => `-A INPUT ${ruleLine(family, i)}`), 'COMMIT', ''].join('\n')
