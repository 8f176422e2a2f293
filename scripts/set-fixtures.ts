/**
 * Records the messages between the library and the kernel about a set of each type and family that the kernel supports,
 * and what ipset prints for it, in fixtures/ipset. It creates its own network namespaces; needs root, Linux and ipset.
 *
 *   npm run fixtures:sets
 */
import { release } from 'node:os'
import { IpSet } from '../src/ipset/ip-set'
import { SET_TYPES, type SetTypeName } from '../src/ipset/types'
import { LinuxKernel } from '../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../src/kernel/linux/namespace'
import { recordNetlink } from '../src/netlink/record'
import { entriesOf, NEEDED_OPTIONS } from '../test/support/ipset'
import { run } from '../test/support/run-program'
import { EXTENDED, useSet, writeSetFixture } from '../test/support/set-fixtures'

const COUNT = 10
const SEED = 5
const writtenBy = `${run('ipset', ['--version']).stdout.split(',')[0]}, ${release()}`

function capture(type: SetTypeName, family: 'ipv4' | 'ipv6' | 'any'): void {
  using namespace = NetworkNamespace.create()
  const kernel = new LinuxKernel({ namespace })
  const hasFamilies = SET_TYPES[type].families.length > 1
  const options = { ...NEEDED_OPTIONS[type], ...EXTENDED, ...(hasFamilies && { family }) }
  const entries = entriesOf(type, family === 'any' ? 'ipv4' : family, true, COUNT, SEED)
  for (const name of ['one', 'two', 'three']) IpSet.create(name, 'hash:ip', {}, { kernel }).close()
  const { port, recording } = recordNetlink(kernel)
  let saved: string[] = []
  const found = useSet(port, { type, options, entries }, () => {
    saved = namespace.run(() => run('ipset', ['save', 'set']).stdout.trim().split('\n'))
  })
  writeSetFixture({ type, family, writtenBy, options, entries, saved, found, recording })
}

for (const [type, { families }] of Object.entries(SET_TYPES))
  for (const family of families)
    try {
      capture(type as SetTypeName, family)
      console.log(`${type} ${family}`)
    } catch (error) {
      console.log(`${type} ${family}: ${(error as Error).message}`)
    }
