/**
 * A rule in iptables' own words, straight from its bytes. It prints what {@link printRule} makes of a description, without
 * making one: of a table of 100,000 rules that saves half the time. What is printed in an unusual way is left to that.
 */
import { verdictName } from '../abi/netfilter'
import { BlobError } from '../errors'
import type { Context } from '../extensions/context'
import type { Variant } from '../extensions/extension'
import type { Option } from '../extensions/option'
import { readParameters } from '../extensions/payload'
import type { Known } from '../extensions/registry'
import { isStandard, matchParts, type Part, readVerdict, targetPart } from '../ruleset/entry'
import { HEADS } from '../ruleset/head'
import { type EntryPart, entryPart } from '../ruleset/parts'
import { contextWithin, describePart } from '../ruleset/rule'
import type { Entry } from '../ruleset/ruleset'
import { optionText, printParameters, printPart, printWord } from './print'
import { printName } from './words'

/** How one option is printed. */
interface Printer {
  readonly option: Option
  /** With a blank before it. */
  readonly text: string
}

/** Undefined where the order or the names of what is printed depend on what is stored. */
const printers = new WeakMap<Variant, readonly Printer[] | null>()

function makePrinters(variant: Variant): readonly Printer[] | null {
  const printed = [...variant.options].filter(([, { synonymOf }]) => synonymOf.length === 0)
  if (variant.spellings.length > 1 || printed.some(([, { spelled }]) => spelled !== undefined)) return null
  return printed.map(([name, option]) => ({ option, text: ` ${optionText(variant, name)}` }))
}

function printersOf(variant: Variant): readonly Printer[] | null {
  let made = printers.get(variant)
  if (made === undefined) {
    made = makePrinters(variant)
    printers.set(variant, made)
  }
  return made
}

/** Each option with a blank before it. */
function printPayload(known: Known, bytes: Uint8Array, at: number, context: Context): string {
  const all = printersOf(known.variant)
  if (all === null)
    return printParameters(known, readParameters(known, bytes, at, context))
      .map((one) => ` ${one}`)
      .join('')
  let line = ''
  for (let i = 0; i < all.length; i++) {
    const { option, text } = all[i] as Printer
    const reading = option.read(bytes, at, context)
    if (reading === undefined) continue
    line += reading.negated ? ` !${text}` : text
    for (let k = 0; k < reading.words.length; k++)
      line += ` ${printWord(reading.words[k] as string, option.words[k]?.quotes)}`
  }
  return line
}

function printBytes(kind: 'match' | 'target', bytes: Uint8Array, part: Part, context: Context): string {
  const { known, at }: EntryPart = entryPart(kind, context.family, bytes, part)
  if (known === undefined) return printPart(kind, describePart(kind, bytes, part, context), context.family.name)
  return `${known.extension.name}${printPayload(known, bytes, at, context)}`
}

/** With a blank before it; empty for a rule that goes nowhere. */
function printTarget({ bytes, jump }: Entry, context: Context): string {
  const { family } = context
  if (jump === '') return ''
  if (jump !== undefined) {
    const goto = (family.entry.fields.flags.read(bytes, 0) & family.gotoFlag) !== 0
    return ` ${goto ? '-g' : '-j'} ${printName(jump)}`
  }
  const part = targetPart(family, bytes, 0)
  if (!isStandard(bytes, part)) return ` -j ${printBytes('target', bytes, part, context)}`
  const verdict = verdictName(readVerdict(bytes, part))
  if (verdict === undefined) throw new BlobError(0, `there is no verdict ${readVerdict(bytes, part)}`)
  return ` -j ${verdict}`
}

/** The rule without `-A`, each of its parts with a blank before it. */
export function printEntry(entry: Entry, place: Context): string {
  const { bytes } = entry
  const { family } = place
  const context = contextWithin(place, bytes)
  let line = printPayload(HEADS[family.name], bytes, 0, context)
  for (const part of matchParts(family, bytes, 0)) line += ` -m ${printBytes('match', bytes, part, context)}`
  return line + printTarget(entry, context)
}
