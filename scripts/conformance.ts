/**
 * Compares the library with iptables-legacy for every rule line of test/extensions/cases on the running kernel. Both must
 * accept or refuse the line, write the same bytes and print the same text; the rule is also read back, and encoded again
 * from its parameters, its dictionary and its text. Prints one row for each extension and family, and lists options and
 * extensions of iptables that are missing or not tested. It creates its own network namespaces; needs root, Linux, iptables
 * and ipset.
 *
 *   npm run conformance
 *   npm run conformance -- tcp udp
 *   npm run conformance -- --backend nft        compare with iptables-nft, on nf_tables
 */
import { parseArgs } from 'node:util'
import { FAMILIES, type Family } from '../src/abi/family'
import { BACKENDS } from '../src/backend/store'
import { findExtension, type PartKind } from '../src/extensions/registry'
import { cases, selection } from '../test/support/cases'
import { missing, untried } from '../test/support/coverage'
import { absentCases, liveCases } from '../test/support/here'
import { nftVersion } from '../test/support/nft-oracle'
import { tryAllNft } from '../test/support/nft-trial'
import { oracleVersion } from '../test/support/oracle'
import { tryAll } from '../test/support/trial'

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { backend: { type: 'string', default: 'legacy' } },
})
if (!(BACKENDS as readonly string[]).includes(values.backend))
  throw new Error(`--backend must be ${BACKENDS.join(' or ')}`)
const isNft = values.backend === 'nft'

interface Row {
  readonly extension: string
  readonly family: string
  readonly accepted: number
  readonly refused: number
  /** Options that no line tests. */
  readonly untried: string
  readonly faults: number
}

const kindsOf = (name: string): PartKind[] =>
  (['match', 'target'] as const).filter((kind) => findExtension(kind, name)?.name === name)

function row(extension: string, family: Family): Row {
  const groups = cases.filter((one) => one.extension === extension && one.family === family)
  const faults = groups.filter((one) => liveCases.includes(one)).flatMap(isNft ? tryAllNft : tryAll)
  for (const fault of faults) console.error(fault)
  const count = (side: 'accepted' | 'refused'): number => groups.reduce((sum, one) => sum + one[side].length, 0)
  const left = kindsOf(extension).flatMap((kind) => untried(family, kind, extension))
  return {
    extension,
    family: family.name,
    accepted: count('accepted'),
    refused: count('refused'),
    untried: left.map((option) => `--${option}`).join(' '),
    faults: faults.length,
  }
}

const version = isNft ? nftVersion() : oracleVersion()
if (version === undefined) throw new Error(`iptables-${values.backend} is not installed`)
const names = [...new Set(cases.map(({ extension }) => extension))].filter(selection(wanted))
/** What every rule has, and the verdicts, are no modules. */
const stray = names.find((name) => kindsOf(name).length === 0 && !['rule', 'standard'].includes(name))
if (stray !== undefined) throw new Error(`src/extensions/modules.ts has no ${stray}`)
const rows = names.flatMap((name) =>
  Object.values(FAMILIES)
    .filter((family) => cases.some((one) => one.extension === name && one.family === family))
    .map((family) => row(name, family)),
)
const sum = (side: 'accepted' | 'refused' | 'faults'): number => rows.reduce((total, one) => total + one[side], 0)
console.table(rows)
console.log(`${version}: ${sum('accepted')} lines accepted, ${sum('refused')} refused, ${sum('faults')} faults`)
for (const { name, family, accepted, refused } of absentCases)
  if (names.includes(name.replace(/-\d+$/, '')))
    console.log(
      `skipped ${family.name} ${name}: this kernel answers for no revision of it; ${accepted.length + refused.length} lines`,
    )
const absent = wanted.length > 0 ? [] : Object.values(FAMILIES).map((family) => [family.name, missing(family)] as const)
for (const [family, left] of absent) console.log(`${family}: not here: ${left.join(', ') || 'nothing'}`)
const isWhole = absent.every(([, left]) => left.length === 0) && rows.every((one) => one.untried === '')
if (sum('faults') > 0 || !isWhole) process.exitCode = 1
