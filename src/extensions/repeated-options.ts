/**
 * Options that repeat, as policy's do for each element of a policy. Text is in sections: an option of its own opens the
 * next, in which the others are called as in the first. Everywhere else all options lie flat, under names of their own:
 * `--reqid 1 --next --reqid 2` is `{ reqid: '1', reqid2: '2' }`.
 */
import type { Field } from '../binary/codec'
import type { Options } from './extension'
import { flag, type Option, type Section } from './option'

type Numbered<O, N extends string> = { readonly [K in keyof O & string as `${K}${N}`]: O[K] }
type Later<N extends readonly string[]> = N extends readonly [string, ...infer Rest extends string[]] ? Rest : never

/** One section: its options, and whether it is there although none of them is given. */
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
 * @param numbers of each section, what stands behind the names of its options; of the first, nothing
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
