/**
 * The text of a listing (`iptables -L`). Each extension declares it beside its options, mostly as a template;
 * it is put together here.
 *
 * In a template `$` stands for the option's next word, and text in brackets appears only if the option is
 * negated: `dpt:[!]$` lists as `dpt:22` and `dpt:!22`.
 */
import type { Reading } from './reading'
import { same } from './values/value'

/** A reading in the words of a listing, with its text. */
export interface Listed extends Reading {
  readonly text: string
}

/** What a listing's text may depend on besides the value itself. */
export interface Shown extends Reading {
  readonly numeric: boolean
}

/** How an option is listed: a template, or a function of its value. */
export type ListForm<T> = string | ((value: T, shown: Shown) => string)

/** The form of most options: `! ctstate NEW`. */
export const usualForm = (name: string, words: number): string => [`[! ]${name}`, ...Array(words).fill('$')].join(' ')

type Range = readonly [first: number, last: number]

/** `spt:22`, `spts:!1:1023`; nothing for a range that includes every value. */
export const listRange =
  (label: string, everything?: Range): ListForm<Range> =>
  (range, shown) => {
    if (!shown.negated && everything !== undefined && same(range, everything)) return ''
    return fill(range[0] === range[1] ? `${label}:[!]$` : `${label}s:[!]$`, shown)
  }

const MARKS = /\[([^\]]*)\]|\$/g

/** Whether a template has a place for each of this many words. */
export const fits = (template: string, words: number): boolean =>
  (template.match(MARKS) ?? []).filter((mark) => mark === '$').length === words

export function fill(template: string, { negated, words }: Reading): string {
  const left = [...words]
  return template.replace(MARKS, (_, negation: string | undefined) =>
    negation === undefined ? (left.shift() ?? '') : negated ? negation : '',
  )
}

/** A payload to be listed, and the texts of its options in the order of their declaration. */
export interface ListedPayload {
  readonly bytes: Uint8Array
  readonly at: number
  readonly numeric: boolean
  readonly texts: Readonly<Record<string, string>>
}

/** Makes the text of a whole payload. */
export type Lister = (payload: ListedPayload) => string

/** A heading, followed by the texts of the options that have one. */
export const headed =
  (heading?: string): Lister =>
  ({ texts }) =>
    [...(heading === undefined ? [] : [heading]), ...Object.values(texts).filter((text) => text !== '')].join(' ')

/** As {@link headed}, without blanks between the parts. */
export const glued =
  (heading: string): Lister =>
  ({ texts }) =>
    heading + Object.values(texts).join('')
