/**
 * Rules of arbitrary expressions have the same effect on every packet as the iptables rules that they are read as.
 * Others are kept as expressions.
 */
import fc from 'fast-check'
import { FAMILIES, type Family } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { printRule } from '../../src/language/print'
import { type Expression, expressionList, isKnown } from '../../src/nft/expressions'
import { isHeld, readRule } from '../../src/nft/rule'
import { describeRule } from '../../src/ruleset/rule'
import { NftMachine, Refused } from '../support/nft-machine'
import { nftCases } from '../support/nft-rules'
import type { Packet } from '../support/packets'
import { RuleMachine } from '../support/rule-machine'

/** The text of the rule that is read. Undefined if it is kept as expressions. */
function reading(family: Family, expressions: readonly Expression[]): string | undefined {
  const bytes = new Uint8Array(expressionList.size(expressions))
  expressionList.write(bytes, 0, expressions)
  const read = readRule(family, { bytes, at: 0, end: bytes.length })
  const context = { family, sets: new UnboundSets() }
  return isHeld(family, read.bytes) ? undefined : printRule(describeRule(read, context), family.name)
}

const RUNS = 5_000

test.each(Object.values(FAMILIES))('the rule that is read has the same effect: $name', (family) => {
  const seen = { packets: 0, met: 0 }
  fc.assert(
    fc.property(nftCases(family), ({ expressions, packets }) => {
      const text = reading(family, expressions)
      if (text === undefined) return
      const isCounted = expressions.some((one) => isKnown(one) && one.name === 'counter')
      const machine = new RuleMachine(text, family, isCounted)
      for (const packet of packets) {
        const done = outcome(expressions, packet)
        if (done === undefined) continue
        expect(`${text} => ${machine.run(packet)}`).toBe(`${text} => ${done}`)
        seen.packets++
        if (done !== '') seen.met++
      }
    }),
    { numRuns: RUNS },
  )
  // Rules that are kept, or that no packet matches, do not test how others are read.
  expect(seen.packets).toBeGreaterThan(RUNS)
  expect(seen.met).toBeGreaterThan(RUNS / 4)
})

/** Undefined for rules that Linux does not accept. */
function outcome(expressions: readonly Expression[], packet: Packet): string | undefined {
  try {
    return new NftMachine(packet).run(expressions)
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
