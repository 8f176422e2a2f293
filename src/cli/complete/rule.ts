/** Completes an iptables command line. */
import type { FamilyName } from '../../abi/family'
import type { Option } from '../../extensions/option'
import { findExtension } from '../../extensions/registry'
import { type GlobalOption, globalByLetter, globalByName, globals } from '../../language/options'
import type { Values } from '../applets/applet'
import { behind, type Candidate, type Completion } from './candidates'
import { type Meant, valuesOf } from './known'

/** The values of the options of iptables, word by word. */
const VALUES: Readonly<Record<string, readonly Values[]>> = {
  ...Object.fromEntries(['A', 'C', 'D', 'I', 'R', 'L', 'S', 'F', 'Z', 'X', 'g'].map((letter) => [letter, ['chain']])),
  N: ['new chain'],
  E: ['chain', 'new chain'],
  P: ['chain', ['ACCEPT', 'DROP']],
  p: ['protocol'],
  s: [[]],
  d: [[]],
  i: ['interface'],
  o: ['interface'],
  m: ['match'],
  j: ['target'],
  c: [[], []],
  t: ['table'],
  M: [[]],
}

const SET_OPTIONS = ['match-set', 'add-set', 'del-set', 'map-set']
const SIDES = ['src', 'dst']

/** The state of the parser after the words before the completed one. */
class Line {
  readonly #family: FamilyName
  /** The options of the matches and targets given so far, by name. */
  readonly #options = new Map<string, Option>()
  table: string | undefined
  /** The values that the last option still expects, word by word. */
  awaited: readonly Values[] = []
  isOptional = false

  constructor(family: FamilyName) {
    this.#family = family
  }

  take(word: string): void {
    const { value, name } = split(word)
    if (this.awaited.length > 0 && !(this.isOptional && word.startsWith('-'))) {
      this.#takeValue(word)
      return
    }
    this.awaited = []
    if (word === '!' || !word.startsWith('-')) return
    this.expect(name)
    if (value !== undefined) this.#takeValue(value)
  }

  /** The values that this option expects. */
  expect(name: string): readonly Values[] {
    const option = this.#global(name)
    this.#last = option?.letter
    this.isOptional = option?.argument === 'optional'
    this.awaited = option === undefined ? this.#own(name) : (VALUES[option.letter] ?? [])
    return this.awaited
  }

  #last: string | undefined

  #takeValue(word: string): void {
    this.awaited = this.awaited.slice(1)
    if (this.#last === 't') this.table = word
    if (this.#last === 'm' || this.#last === 'p') this.#bring('match', word)
    if (this.#last === 'j') this.#bring('target', word)
  }

  #bring(kind: 'match' | 'target', name: string): void {
    const variant = findExtension(kind, name)?.variants(this.#family)[0]
    for (const [main, option] of variant?.options ?? [])
      for (const one of [main, ...option.aliases]) this.#options.set(one, option)
  }

  #global(name: string): GlobalOption | undefined {
    return name.startsWith('--') ? globalByName(this.#family, name.slice(2)) : globalByLetter(name.slice(1, 2))
  }

  #own(name: string): readonly Values[] {
    const words = this.#options.get(name.slice(2))?.words ?? []
    if (SET_OPTIONS.includes(name.slice(2))) return ['set', SIDES]
    return words.map(({ names = [] }) => names)
  }

  get optionNames(): Candidate[] {
    return [...this.#options.keys()].map((name) => ({ value: `--${name}` }))
  }
}

/** Splits `--table=nat` and `-tnat`. */
function split(word: string): { readonly name: string; readonly value: string | undefined } {
  const [, long, glued] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? []
  if (long !== undefined) return { name: long, value: glued }
  const option = /^-[^-]/.test(word) ? globalByLetter(word[1] as string) : undefined
  const value = option !== undefined && option.argument !== 'none' && word.length > 2 ? word.slice(2) : undefined
  return { name: word, value }
}

const globalNames = (): Candidate[] =>
  globals().flatMap(({ letter, names, help }) => {
    const summary = help?.summary ?? ''
    const all = [...(letter === '0' ? [] : [`-${letter}`]), `--${names[0]}`]
    return help === undefined ? [] : all.map((value) => ({ value, summary }))
  })

/** @param words the words after the name of the tool; the last one is incomplete */
export function completeRule(family: FamilyName, words: readonly string[], before: Meant): Completion {
  const line = new Line(family)
  for (const word of words.slice(0, -1)) line.take(word)
  const last = words.at(-1) ?? ''
  const meant: Meant = { ...before, families: [family], table: line.table }
  const [, glue = ''] = /^(--[^=]+=)/s.exec(last) ?? []
  if (glue !== '') return behind(glue, valuesOf(line.expect(glue.slice(0, -1))[0], meant))
  const [awaited] = line.awaited
  if (awaited !== undefined && !(line.isOptional && last.startsWith('-'))) return valuesOf(awaited, meant)
  return { candidates: [...line.optionNames, ...globalNames()] }
}
