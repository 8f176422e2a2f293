/**
 * Captures the output of iptables-translate for the accepted rule lines of test/extensions/cases, one file for each group
 * of lines, and the expressions that nft writes for this output. It creates its own network namespaces; needs root, Linux
 * with nf_tables, iptables and nft.
 *
 *   npm run fixtures:native
 *   npm run fixtures:native -- conntrack LOG
 *   npm run fixtures:native -- plain
 */
import { FAMILIES } from '../src/abi/family'
import { NetworkNamespace } from '../src/kernel/linux/namespace'
import { cases, selection } from '../test/support/cases'
import { clearNativeFixtures, writeNativeFixture } from '../test/support/native-fixtures'
import { nftExpressions, translatedLines, translateVersion } from '../test/support/native-oracle'
import { onThisKernel } from '../test/support/on-this-kernel'
import { plainRules, writePlainFixture } from '../test/support/plain-rules'

const version = translateVersion()
if (version === undefined) throw new Error('iptables-translate or nft is not installed')
const writtenBy = onThisKernel(version)
const isWanted = selection(process.argv.slice(2), ['plain'])
clearNativeFixtures(isWanted)
/** Rules that were captured already: many extensions share rules. */
const known = { ipv4: new Set<string>(), ipv6: new Set<string>() }
let count = 0
for (const one of cases) {
  const { name, extension, family, table } = one
  if (!isWanted(extension) || one.accepted.length === 0) continue
  using namespace = NetworkNamespace.create()
  const lines = namespace.run(() => translatedLines(one, known[family.name]))
  writeNativeFixture({ name, extension, family: family.name, table, writtenBy, lines })
  count += lines.length
}

/** Captures the expressions that nft writes for the rules of test/support/plain-rules. */
function writePlain(): void {
  using namespace = NetworkNamespace.create()
  const made = plainRules.map(({ family, table, rule }) =>
    namespace.run(() => nftExpressions(FAMILIES[family], table, rule)),
  )
  for (const [i, one] of made.entries()) if (one === undefined) throw new Error(`nft refuses ${plainRules[i]?.rule}`)
  writePlainFixture(writtenBy, made as Uint8Array[])
}

if (isWanted('plain')) writePlain()
console.log(`${count} lines captured`)
