/** Rules as dictionaries: with keys that objects inherit, values of other types, and words that are nearly right. */
import { isDeepStrictEqual } from 'node:util'
import { FAMILIES } from '../../src/abi/family'
import { type AnyRule, easy, type FamilyName } from '../../src/index'
import { storedRule } from '../../src/iptc/rule'
import { toJson } from '../../src/json'
import { contextOf, written } from '../corpus'
import { at, changed, editTree, placesIn } from '../edit'
import { refused } from '../guard'
import { insist, type Kind, pick } from '../kind'
import { withJunk } from '../traces'

interface Input {
  readonly family: FamilyName
  readonly tree: unknown
}

const dictionaries: readonly Input[] = written.flatMap(({ family, rule }) => {
  const stored = storedRule(FAMILIES[family], { entry: rule, sets: contextOf(family).sets })
  const tree = refused(() => easy.decodeRule(stored))
  return tree === undefined ? [] : [{ family, tree }]
})

const trees = dictionaries.map(({ tree }) => tree)

const encode = ({ family, tree }: Input): AnyRule | undefined =>
  refused(() => easy.encodeRule(tree as never, { ipv6: family === 'ipv6' }))

const isSame = (one: AnyRule, other: AnyRule | undefined): boolean =>
  other?.equals(one) === true && String(one.counters) === String(other.counters)

/** Says a little more, or something else, at one place: that must be refused, or be another rule. */
function checkTraces(input: Input, rule: AnyRule, choice: number): void {
  const places = placesIn(input.tree)
  if (places.length === 0) return
  const path = pick(places, choice >>> 3)
  const held = at(input.tree, path)
  const varied = (value: unknown): AnyRule | undefined =>
    encode({ ...input, tree: changed(input.tree, path, (key) => [[key, value]]) })
  const differs = (value: unknown): void =>
    insist(!isSame(rule, varied(value)), () => `${toJson(value)} at ${path.join('.')} makes no difference to ${rule}`)
  if (typeof held === 'string') differs(withJunk(held, choice >>> 5))
  else if (Array.isArray(held) && held[0] === '!') differs(held.slice(1))
  else if (typeof held === 'object' && held !== null && !Array.isArray(held)) differs({ ...held, 'no-such-key': '1' })
}

export const dictionary: Kind<Input> = {
  name: 'dictionary',
  make({ item, edits }) {
    const { family, tree } = pick(dictionaries, item)
    return { family, tree: edits.reduce((all, edit) => editTree(all, edit, trees), tree) }
  },
  examine(input, choice) {
    const before = toJson(input.tree)
    const rule = encode(input)
    insist(toJson(input.tree) === before, () => 'the dictionary has been changed')
    if (rule === undefined) return
    const decoded = easy.decodeRule(rule)
    const again = easy.encodeRule(decoded as never, { ipv6: input.family === 'ipv6' })
    insist(isSame(rule, again), () => `${toJson(decoded)} is another rule: ${again}, not ${rule}`)
    insist(isDeepStrictEqual(easy.decodeRule(again), decoded), () => `${toJson(decoded)} is read as another`)
    checkTraces(input, rule, choice)
  },
  size: ({ tree }) => (toJson(tree) ?? '').length,
  show: ({ family, tree }) => `${family} ${toJson(tree)}`,
}
