/** Compares every rule line of IPv4 with iptables-legacy. */
import { compareLines } from './legacy-lines'

compareLines('ipv4')
