/**
 * Captures what iptables-legacy writes for every accepted rule line of test/extensions/cases, one file a group of lines.
 * Works in network namespaces of its own; needs root, Linux, iptables and ipset.
 *
 *   npm run fixtures
 *   npm run fixtures -- tcp udp
 */
import { release } from 'node:os'
import { captureTable } from '../src/kernel/capture'
import { LinuxKernel } from '../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../src/kernel/linux/namespace'
import { type Case, cases } from '../test/support/cases'
import { clearFixtures, type Fixture, writeFixture } from '../test/support/fixtures'
import { listing, oracleVersion, prepare, restore, shown } from '../test/support/oracle'

function captureCase(one: Case, writtenBy: string): Fixture {
  using namespace = NetworkNamespace.create()
  return namespace.run(() => {
    prepare(one)
    const { status, stderr } = restore(one.family, one.table, one.accepted)
    if (status !== 0) throw new Error(`${one.name}: ${stderr}`)
    return {
      name: one.name,
      extension: one.extension,
      writtenBy,
      lines: one.accepted,
      listing: listing(one.family, one.table),
      shown: shown(one.family, one.table, '-n', '-v').split('\n'),
      capture: captureTable(new LinuxKernel(), one.family.name, one.table),
    }
  })
}

const version = oracleVersion()
if (version === undefined) throw new Error('iptables-legacy is not installed')
const wanted = process.argv.slice(2)
const isWanted = (extension: string): boolean => wanted.length === 0 || wanted.includes(extension)
clearFixtures(isWanted)
const written = cases.filter(({ accepted, extension }) => accepted.length > 0 && isWanted(extension))
for (const one of written) writeFixture(captureCase(one, `${version}, Linux ${release().split('-')[0]}`))
console.log(`${written.length} tables captured, ${written.flatMap(({ accepted }) => accepted).length} rules`)
