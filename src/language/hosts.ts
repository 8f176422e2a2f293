/** Names of hosts, as the system knows them: from /etc/hosts, DNS and whatever else nsswitch.conf(5) says. */
import { runProgram } from '../programs'

/** Addresses that one process is asked for: what fits into the words of a command. */
const AT_ONCE = 1000

/** The names of those addresses that have one. Asks `getent`; where there is none, no address has a name. */
export function hostNames(addresses: readonly string[]): Map<string, string> {
  const names = new Map<string, string>()
  for (let i = 0; i < addresses.length; i += AT_ONCE) {
    const { stdout } = runProgram('getent', ['hosts', ...addresses.slice(i, i + AT_ONCE)])
    for (const line of stdout.split('\n')) {
      const [address, name] = line.split(/\s+/)
      if (address && name) names.set(address, name)
    }
  }
  return names
}
