/**
 * Captures the rules that iptables-nft writes for the accepted rule lines of test/extensions/cases, and the text that it
 * prints for them, one file for each group of lines. It creates its own network namespaces; needs root, Linux with
 * nf_tables, iptables and ipset.
 *
 *   npm run fixtures:nft
 *   npm run fixtures:nft -- tcp udp
 */
import { NetworkNamespace } from '../src/kernel/linux/namespace'
import { cases, selection } from '../test/support/cases'
import { clearNftFixtures, writeNftFixture } from '../test/support/nft-fixtures'
import { nftVersion, writtenByNft } from '../test/support/nft-oracle'
import { onThisKernel } from '../test/support/on-this-kernel'

const version = nftVersion()
if (version === undefined) throw new Error('iptables-nft is not installed')
const writtenBy = onThisKernel(version)
const isWanted = selection(process.argv.slice(2))
clearNftFixtures(isWanted)
const written = cases.filter(
  ({ accepted, extension, lacking }) => accepted.length > 0 && !lacking && isWanted(extension),
)
let count = 0
for (const one of written) {
  using namespace = NetworkNamespace.create()
  const { rules, refused, sets } = namespace.run(() => writtenByNft(one))
  writeNftFixture({
    name: one.name,
    extension: one.extension,
    family: one.family.name,
    table: one.table,
    writtenBy,
    sets,
    rules,
    refused,
  })
  count += rules.length
}
console.log(`${written.length} groups captured, ${count} rules`)
