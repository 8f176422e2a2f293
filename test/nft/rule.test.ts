/**
 * Rules that iptables-nft wrote: we write the same expressions for the line, and read them as the rule that it prints,
 * for which we write the same expressions again.
 */
import type { Family } from '../../src/abi/family'
import type { Context } from '../../src/extensions/context'
import { parseRule } from '../../src/language/parse'
import { printRule } from '../../src/language/print'
import { encodeSteps } from '../../src/nft/assemble'
import { readRule, writeRule } from '../../src/nft/rule'
import { describeRule, encodeRule } from '../../src/ruleset/rule'
import { ruleLine } from '../support/cases'
import { explained } from '../support/deviations'
import { type NftDeviation, nftDeviations, nftListings } from '../support/nft-deviations'
import { type NftWritten, nftContext, nftFixtures } from '../support/nft-fixtures'
import { shownExpressions } from '../support/nft-oracle'

function written(rule: string, context: Context): Uint8Array {
  const entry = encodeRule(parseRule(rule, context.family), context)
  const bytes = writeRule(context.family, entry)
  expect(bytes).toEqual(writeRule(context.family, entry, undefined, encodeSteps))
  return bytes
}

const applied = new Set<NftDeviation>()

/** Whether a deviation explains the difference. */
function isListed(what: 'expressions' | 'text', line: string, family: Family): boolean {
  const listed = nftListings(what, line, family)
  for (const one of listed) applied.add(one)
  return listed.length > 0
}

const shownBytes = (bytes: Uint8Array): string => shownExpressions({ bytes, at: 0, end: bytes.length })

function differences({ line, saved, expressions }: NftWritten, context: Context): string[] {
  const found: string[] = []
  const { rule } = ruleLine(line)
  const expect = (what: 'expressions' | 'text', ours: string, theirs: string): void => {
    if (ours !== theirs && !isListed(what, line, context.family))
      found.push(`${line}\n ${what}\n  ours   ${ours}\n  theirs ${theirs}`)
  }
  if (explained('refused', line) === undefined && explained('bytes', line) === undefined)
    try {
      expect('expressions', shownBytes(written(rule, context)), shownBytes(expressions))
    } catch (error) {
      if (!isListed('expressions', line, context.family)) found.push(`${line}\n refused: ${(error as Error).message}`)
    }
  const read = readRule(context.family, { bytes: expressions, at: 0, end: expressions.length })
  const text = printRule(describeRule(read, context), context.family.name)
  if (explained('text', line) === undefined) expect('text', text, saved)
  return found
}

describe.each(nftFixtures().map((one) => [`${one.family} ${one.name}`, one] as const))('%s', (_, fixture) => {
  test('is written and read as by iptables-nft', () => {
    const context = nftContext(fixture)
    expect(fixture.rules.flatMap((rule) => differences(rule, context)).join('\n')).toBe('')
  })
})

test.each(nftDeviations.map((one) => [one.why, one] as const))('%s', (_, deviation) => {
  expect(applied.has(deviation)).toBe(true)
})
