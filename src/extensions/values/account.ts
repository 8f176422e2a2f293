/** Users and groups of the system. */
import { accountId, accountName } from './databases'
import { readInteger } from './integer'
import { mismatch, type ValueType } from './value'

/** The greatest number stands for no user at all. */
const MAX = 0xffff_fffe

const inRange = (word: string): number => {
  const id = readInteger(word)
  return id === undefined || id > MAX ? mismatch() : id
}

const spell = ([first, last]: readonly [number, number]): string =>
  first === last ? String(first) : `${first}-${last}`

/** A name, or `first[-last]` in numbers, for which `:` may stand too. Whoever is called like a number is meant by it. */
export const accountRange = (kind: 'user' | 'group'): ValueType<readonly [number, number]> => ({
  expects: `the name of a ${kind}, or first[-last], each 0 to ${MAX}`,
  parse(word) {
    const id = accountId(kind, word)
    if (id !== undefined) return [id, id]
    const [, first, last] = /^([^-:]*)(?:[-:](.*))?$/s.exec(word) as unknown as [string, string, string | undefined]
    const low = inRange(first)
    return [low, last === undefined ? low : inRange(last)]
  },
  format: spell,
  list: ([first, last], { numeric }) =>
    (numeric || first !== last ? undefined : accountName(kind, first)) ?? spell([first, last]),
})
