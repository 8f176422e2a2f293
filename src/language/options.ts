/** Options as getopt_long(3) finds them: whole names, names cut short, letters in a bunch. */
import type { FamilyName } from '../abi/family'
import type { CodeOf } from '../error-codes'
import { XtablesError } from '../errors'

/**
 * Words that make no command. The message is what iptables prints behind its name and version; where `bare` is set, it
 * prints nothing before it.
 */
export class UsageError extends XtablesError {
  readonly bare: boolean

  constructor(
    message: string,
    details: {
      code?: CodeOf<'XtablesError'>
      extension?: string
      parameter?: string
      value?: unknown
      expected?: string
      bare?: boolean
    } = {},
  ) {
    const { code = 'XT_SYNTAX', bare = false, extension = 'rule', ...rest } = details
    super(code, message, { extension, ...rest })
    this.bare = bare
  }
}

/** An option of iptables itself. */
export interface GlobalOption {
  readonly letter: string
  readonly names: readonly string[]
  readonly argument: 'none' | 'required' | 'optional'
}

const declare = (argument: GlobalOption['argument'], options: Readonly<Record<string, string>>): GlobalOption[] =>
  Object.entries(options).map(([letter, names]) => ({ letter, names: names.split(' '), argument }))

/** iptables(8), sections COMMANDS, PARAMETERS and OTHER OPTIONS. `0` is the letter of an option that has none. */
const GLOBALS: readonly GlobalOption[] = [
  ...declare('required', {
    A: 'append',
    C: 'check',
    D: 'delete',
    I: 'insert',
    R: 'replace',
    N: 'new-chain',
    E: 'rename-chain',
    P: 'policy',
    p: 'protocol proto',
    s: 'source src',
    d: 'destination dst',
    i: 'in-interface',
    o: 'out-interface',
    j: 'jump',
    g: 'goto',
    m: 'match',
    c: 'set-counters',
    t: 'table',
    M: 'modprobe',
  }),
  ...declare('optional', {
    L: 'list',
    S: 'list-rules',
    F: 'flush',
    Z: 'zero',
    X: 'delete-chain',
    h: 'help',
    w: 'wait',
    W: 'wait-interval',
  }),
  ...declare('none', {
    f: 'fragments',
    n: 'numeric',
    v: 'verbose',
    x: 'exact',
    V: 'version',
    4: 'ipv4',
    6: 'ipv6',
    0: 'line-numbers',
  }),
]

/** `--fragments` is no name where the family has no such thing; `-f` is refused with a hint. */
const longNames = (family: FamilyName): Map<string, GlobalOption> =>
  new Map(
    GLOBALS.filter(({ letter }) => family === 'ipv4' || letter !== 'f').flatMap((option) =>
      option.names.map((name) => [name, option] as const),
    ),
  )

const LONG: Readonly<Record<FamilyName, ReadonlyMap<string, GlobalOption>>> = {
  ipv4: longNames('ipv4'),
  ipv6: longNames('ipv6'),
}

const SHORT: ReadonlyMap<string, GlobalOption> = new Map(
  GLOBALS.filter(({ letter }) => letter !== '0').map((option) => [option.letter, option]),
)

export const globalByLetter = (letter: string): GlobalOption | undefined => SHORT.get(letter)
export const globalByName = (family: FamilyName, name: string): GlobalOption | undefined => LONG[family].get(name)

/** The options of iptables itself that a name cut short may mean. */
export const globalsBegunWith = (family: FamilyName, start: string): Set<GlobalOption> =>
  new Set([...LONG[family]].filter(([name]) => name.startsWith(start)).map(([, option]) => option))

/** Whether getopt(3) takes a word for an option. */
export const isOption = (word: string): boolean => word.length > 1 && word.startsWith('-')

/** The words of a line, one after the other. */
export class Line {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** The next word without taking it. */
  get ahead(): string | undefined {
    return this.#words[this.#at]
  }

  take(): string | undefined {
    return this.#words[this.#at++]
  }

  /** Takes the next word if it can belong to the option before it. */
  follower(): string | undefined {
    return this.ahead === undefined || /^[-!]/.test(this.ahead) ? undefined : this.take()
  }
}
