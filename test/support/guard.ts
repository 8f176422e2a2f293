/**
 * Refuses to run in the network namespace in which the tests were started, because the tests change tables.
 * XTABLES_TEST_HOST_NETNS is the name of this namespace, as `readlink /proc/self/ns/net` prints it.
 */
import { readlinkSync } from 'node:fs'

export function guard(): void {
  const { XTABLES_TEST_HOST_NETNS: host } = process.env
  const own = readlinkSync('/proc/thread-self/ns/net')
  if (host === undefined || !/^net:\[\d+\]$/.test(host) || host === own)
    throw new Error(
      `live tests change tables, and this is ${own}, started from ${host}: run them as ` +
        '`XTABLES_TEST_HOST_NETNS=$(readlink /proc/self/ns/net) unshare -n npx jest --selectProjects live`',
    )
}
