/** Checks a rule that iptables-legacy wrote, read from a capture or directly from the kernel. */
import type { Family } from '../../src/abi/family'
import { decodeEntry } from '../../src/easy/decode'
import { encodeDictionary } from '../../src/easy/encode'
import type { Context } from '../../src/extensions/context'
import { parseRule } from '../../src/language/parse'
import { printRule } from '../../src/language/print'
import { sameRule } from '../../src/ruleset/equal'
import { describeRule, encodeRule } from '../../src/ruleset/rule'
import type { Entry } from '../../src/ruleset/table-entry'
import type { Deviation } from './cases'
import { explained } from './deviations'

/**
 * A rule line, the entry that iptables-legacy writes for it, and the text that it prints. Both texts are without `-A
 * CHAIN`.
 */
export interface Written {
  readonly line: string
  readonly rule: string
  readonly saved: string
  readonly entry: Entry
}

/**
 * The significant bytes of an entry: without the kernel's notes, and without the verdict if it is the offset of a
 * chain.
 */
function essence({ entry: { fields } }: Family, { bytes, jump }: Entry): string {
  const copy = bytes.slice()
  copy.fill(0, fields.nfcache.offset, fields.nfcache.offset + fields.nfcache.size)
  copy.fill(0, fields.comefrom.offset, fields.comefrom.offset + fields.comefrom.size)
  if (jump !== undefined) copy.fill(0, copy.length - 8)
  return `${Buffer.from(copy).toString('hex')}${jump === undefined ? '' : ` to ${jump}`}`
}

/**
 * The differences between our reading of a rule and the oracle's: what differs, and both sides. Empty if there are
 * none.
 * @param isBetter whether our text may differ from theirs although no deviation says so
 */
export function differences(
  written: Written,
  context: Context,
  isBetter: (ours: string, theirs: string) => boolean = () => false,
): string[] {
  const { line, rule, saved, entry } = written
  const { family } = context
  const found: string[] = []
  const expect = (what: Deviation['what'], label: string, ours: string, theirs: string): void => {
    if (ours !== theirs && explained(what, line) === undefined)
      found.push(`${label}\n  ours   ${ours}\n  theirs ${theirs}`)
  }
  const mine = attempt(() => encodeRule(parseRule(rule, family), context))
  if (mine instanceof Error) {
    if (explained('refused', line) === undefined) found.push(`refused: ${mine.message}`)
  } else expect('bytes', 'bytes', essence(family, mine), essence(family, entry))

  const described = describeRule(entry, context)
  const printed = printRule(described, family.name)
  if (printed === saved || !isBetter(printed, saved)) expect('text', 'text', printed, saved)
  if (mine instanceof Error) return found.map((difference) => `${line}\n ${difference}`)
  const again = encodeRule(described, context)
  if (!sameRule(family, again, entry))
    found.push(`encoded again\n  ${essence(family, again)}\n  ${essence(family, entry)}`)
  const fromDictionary = encodeDictionary(decodeEntry(entry, context), context)
  if (!sameRule(family, fromDictionary, entry)) found.push(`as a dictionary: ${essence(family, fromDictionary)}`)
  const reread = encodeRule(parseRule(printed, family), context)
  if (!sameRule(family, reread, entry)) found.push(`printed and read again: ${printed}`)
  return found.map((difference) => `${line}\n ${difference}`)
}

function attempt<T>(body: () => T): T | Error {
  try {
    return body()
  } catch (error) {
    return error as Error
  }
}
