/**
 * Compares a sample of the rule lines with iptables-nft in nf_tables. `npm run conformance -- --backend nft` compares
 * all.
 */
import { cases } from '../support/cases'
import { liveCases } from '../support/here'
import { tryAllNft } from '../support/nft-trial'

/** Extensions with a native form in nf_tables are tested completely; of the others, only the first group. */
const WHOLE: readonly string[] = ['tcp', 'udp', 'mark', 'limit', 'NFLOG', 'TRACE', 'rule', 'standard']

const isFirst = ({ name }: (typeof cases)[number]): boolean => name.endsWith('-0')

const isTried = (any: (typeof cases)[number]): boolean => liveCases.includes(any) || any.ids === true

for (const one of cases.filter((any) => isTried(any) && (WHOLE.includes(any.extension) || isFirst(any)))) {
  const name = `${one.family.name} ${one.table} ${one.name}`
  const where = liveCases.includes(one) ? test : test.skip
  where(name, () => expect(tryAllNft(one)).toEqual([]))
}
