/**
 * Options that repeat, as those of `policy` do for each element of a policy. In text they are in sections:
 * one option opens the next section, in which the others have the same names as in the first. Everywhere else
 * the options have names of their own: `--reqid 1 --next --reqid 2` is `{ reqid: '1', reqid2: '2' }`.
 */
import type { Field } from '../binary/codec'
import type { Options } from './extension'
import { flag, type Option, type Section } from './option'

type Numbered<O, N extends string> = { readonly [K in keyof O & string as `${K}${N}`]: O[K] }
type Later<N extends readonly string[]> = N extends readonly [string, ...infer Rest extends string[]] ? Rest : never

/** One section: its options, and whether it exists even if none of them is given. */
interface Content<O> {
  readonly options: O
  readonly isBare: Field<boolean>
}

const within = <In>(option: Option<In>, section: Section): Option<In> => ({
  ...option,
  section,
  list: (_, bytes, at, listing) => option.list(section.name, bytes, at, listing),
})

/**
 * Declares the same options once for each section.
 * @param opener the option that opens each section but the first
 * @param numbers the suffix of the option names in each section; empty for the first
 * @param content of the section with this index
 */
export function sections<
  const N extends readonly ['', ...string[]],
  const Opener extends string,
  const O extends Options,
>(
  opener: Opener,
  numbers: N,
  content: (index: number) => Content<O>,
): Numbered<O, N[number]> & Numbered<Record<Opener, ReturnType<typeof flag>>, Later<N>[number]> {
  const all = numbers.flatMap((number, index) => {
    const { options, isBare } = content(index)
    const opening = index === 0 ? {} : { [opener]: flag(isBare, { list: '' }) }
    return Object.entries<Option>({ ...opening, ...options }).map(([name, option]) => [
      `${name}${number}`,
      within(option, { index, opener, name }),
    ])
  })
  return Object.fromEntries(all)
}
