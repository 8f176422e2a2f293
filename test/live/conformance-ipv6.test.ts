/** Compares every rule line of IPv6 with iptables-legacy. */
import { compareLines } from './legacy-lines'

compareLines('ipv6')
