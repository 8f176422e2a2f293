/**
 * Runs before every live test: they change tables, and must never find themselves in the network namespace of whoever
 * started them. That one is named by XTABLES_TEST_HOST_NETNS, as `readlink /proc/self/ns/net` prints it.
 */
import { readlinkSync } from 'node:fs'
import { CLONE_NEWNET, unshare } from '../../src/kernel/linux/libc'

export function guard(): void {
  const { XTABLES_TEST_HOST_NETNS: host } = process.env
  const own = readlinkSync('/proc/thread-self/ns/net')
  if (host === undefined || !/^net:\[\d+\]$/.test(host) || host === own)
    throw new Error(
      `live tests change tables, and this is ${own}, started from ${host}: run them as ` +
        '`XTABLES_TEST_HOST_NETNS=$(readlink /proc/self/ns/net) unshare -n npx jest --selectProjects live`',
    )
}

guard()
// Test files run side by side, each in a namespace of its own.
unshare(CLONE_NEWNET)
