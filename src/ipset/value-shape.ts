/** The form of the values in entries and create options, for schemas and reference pages. */
import { PROTOCOLS } from '../abi/protocols'
import type { Field, Kind } from './fields'

export type Shape =
  | { readonly is: 'text' | 'flag' | 'count' }
  /** Whole numbers: one, two (`pair`), or either (`range`). */
  | { readonly is: 'number' | 'pair' | 'range'; readonly min: number; readonly max: number }
  /** A name or a whole number. */
  | { readonly is: 'named'; readonly names: readonly string[]; readonly min: number; readonly max: number }

/** Other kinds are text. */
const FORMS: Readonly<Partial<Record<Kind, Shape['is']>>> = {
  number: 'number',
  bits: 'number',
  prefix: 'number',
  count: 'count',
  flag: 'flag',
  skbmark: 'pair',
  skbprio: 'pair',
  port: 'range',
  portRange: 'pair',
  protocol: 'named',
}

export function shapeOf({ kind, bounds }: Pick<Field<never, never, unknown>, 'kind' | 'bounds'>): Shape {
  const is = FORMS[kind] ?? 'text'
  if (is === 'text' || is === 'flag' || is === 'count') return { is }
  if (bounds === undefined) throw new Error(`bug in xtables: a field of the kind ${kind} has no bounds`)
  const [min, max] = bounds
  return is === 'named' ? { is, min, max, names: Object.keys(PROTOCOLS) } : { is, min, max }
}
