/** Users and groups of the system. */
import { accountId, accountName } from './databases'
import { integer } from './integer'
import type { ValueType } from './value'

/** The greatest 32-bit number means no user. */
const MAX = 0xffff_fffe

const number = integer(MAX)

const spell = ([first, last]: readonly [number, number]): string =>
  first === last ? String(first) : `${first}-${last}`

/** A name, or numbers `first[-last]`, also with `:`. A name that looks like a number is a name. */
export const accountRange = (kind: 'user' | 'group'): ValueType<readonly [number, number]> => ({
  expects: `the name of a ${kind}, or first[-last], each 0 to ${MAX}`,
  parse(word, context) {
    const id = accountId(kind, word)
    if (id !== undefined) return [id, id]
    const [, first, last] = /^([^-:]*)(?:[-:](.*))?$/s.exec(word) as unknown as [string, string, string | undefined]
    const low = number.parse(first, context)
    return [low, last === undefined ? low : number.parse(last, context)]
  },
  format: spell,
  list: ([first, last], { numeric }) =>
    (numeric || first !== last ? undefined : accountName(kind, first)) ?? spell([first, last]),
})
