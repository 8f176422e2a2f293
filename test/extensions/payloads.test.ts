/** Payloads that iptables-legacy does not write: decodes them, and encodes the result again. */

import type { Context } from '../../src/extensions/context'
import { listPayload } from '../../src/extensions/payload'
import { parseRule } from '../../src/language/parse'
import { printRule } from '../../src/language/print'
import { entryExtensions } from '../../src/ruleset/entry-extensions'
import { sameRule } from '../../src/ruleset/equal'
import { describeRule, encodeRule } from '../../src/ruleset/rule'
import { payloads } from '../support/cases'

test.each(payloads)('$family.name $kind $extension, revision $revision: $bytes', (one) => {
  const { family, kind, extension, revision, bytes, text, listed } = one
  const context: Context = { family, sets: { byName: () => undefined, byIndex: () => undefined } }
  const encode = (line: string) => encodeRule(parseRule(line, family), context)
  const print = (line: string): string => printRule(describeRule(encode(line), context), family.name)

  const part = `-${kind === 'match' ? 'm' : 'j'} ${extension}`
  const opaque = `${part} --revision ${revision} --payload 0x${bytes}`
  const readable = text === undefined ? opaque : [part, ...(text === '' ? [] : [text])].join(' ')
  expect(print(opaque)).toBe(readable)
  expect(print(readable)).toBe(readable)

  const entry = encode(opaque)
  const [{ known, at } = { known: undefined, at: 0 }] = entryExtensions(family, entry.bytes)
  if (listed !== undefined && known !== undefined)
    expect(listPayload(known, entry.bytes, at, { ...context, numeric: true, hostName: () => undefined })).toBe(listed)
  // Payloads of other revisions must have the same meaning in the revision that is written.
  const written = known?.extension.variants(family.name)[0]
  if (written?.revision === revision) expect(sameRule(family, encode(readable), entry)).toBe(true)
})
