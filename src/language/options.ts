/** Option parsing as in getopt_long(3): full names, abbreviated names, bundled letters. */
import type { FamilyName } from '../abi/family'
import type { CodeOf } from '../error-codes'
import { XtablesError } from '../errors'

export interface UsageDetails {
  readonly code?: CodeOf<'XtablesError'>
  readonly extension?: string
  readonly parameter?: string
  readonly value?: unknown
  readonly expected?: string | undefined
  /** What to write instead. It is part of the text, and says more than what would be accepted. */
  readonly hint?: string | undefined
  /** The commands print nothing before the text. */
  readonly bare?: boolean
}

/** A malformed command line. The message is the text, and then what would be accepted. */
export class UsageError extends XtablesError {
  /** What the commands print after their name and version: the text of iptables, and a hint if there is one. */
  readonly text: string
  readonly bare: boolean

  constructor(said: string, details: UsageDetails = {}) {
    const { code = 'XT_SYNTAX', bare = false, extension = 'rule', hint, ...rest } = details
    const text = hint === undefined ? said : `${said}; ${hint}`
    const isClear = hint !== undefined || rest.expected === undefined
    super(code, isClear ? text : `${text.replace(/\.$/, '')}; accepted: ${rest.expected}`, { extension, ...rest })
    this.text = text
    this.bare = bare
  }
}

/** @throws UsageError */
export const fail = (text: string, details?: UsageDetails): never => {
  throw new UsageError(text, details)
}

/** An option of iptables itself. */
export interface GlobalOption {
  readonly letter: string
  readonly names: readonly string[]
  readonly argument: 'none' | 'required' | 'optional'
  /** The help text, if any. */
  readonly help: GlobalHelp | undefined
}

export interface GlobalHelp {
  readonly section: 'Commands' | 'Rules' | 'Options'
  /** A description of its argument. */
  readonly takes: string
  readonly negatable: boolean
  readonly summary: string
}

type Told = readonly [names: string, takes?: string, summary?: string]

const declare = (
  argument: GlobalOption['argument'],
  section: GlobalHelp['section'],
  options: Readonly<Record<string, Told>>,
): GlobalOption[] =>
  Object.entries(options).map(([letter, [names, takes, summary = '']]) => ({
    ...{ letter, names: names.split(' '), argument },
    help:
      takes === undefined
        ? undefined
        : { section, takes: takes.replace(/^! ?/, ''), negatable: takes.startsWith('!'), summary },
  }))

/**
 * iptables(8), sections COMMANDS, PARAMETERS and OTHER OPTIONS. The letter `0` stands for none; a leading `!` in the
 * argument means that it can be negated.
 */
const GLOBALS: readonly GlobalOption[] = [
  ...declare('required', 'Commands', {
    A: ['append', 'CHAIN', 'append a rule to a chain'],
    C: ['check', 'CHAIN', 'check whether a rule exists'],
    D: ['delete', 'CHAIN [NUMBER]', 'delete a rule, by specification or by number'],
    I: ['insert', 'CHAIN [NUMBER]', 'insert a rule at this position (default: 1)'],
    R: ['replace', 'CHAIN NUMBER', 'replace the rule with this number'],
  }),
  ...declare('optional', 'Commands', {
    L: ['list', '[CHAIN [NUMBER]]', 'list rules in columns'],
    S: ['list-rules', '[CHAIN [NUMBER]]', 'list rules as commands that create them'],
    F: ['flush', '[CHAIN]', 'delete all rules'],
    Z: ['zero', '[CHAIN [NUMBER]]', 'set counters to zero'],
  }),
  ...declare('required', 'Commands', { N: ['new-chain', 'CHAIN', 'create a chain'] }),
  ...declare('optional', 'Commands', { X: ['delete-chain', '[CHAIN]', 'delete an empty chain, or all of them'] }),
  ...declare('required', 'Commands', {
    E: ['rename-chain', 'OLD NEW', 'rename a chain'],
    P: ['policy', 'CHAIN POLICY', 'set the policy for packets that no rule decides on: ACCEPT or DROP'],
  }),
  ...declare('required', 'Rules', {
    p: ['protocol proto', '!PROTOCOL', 'by name or number'],
    s: ['source src', '!ADDRESS[/MASK][,…]'],
    d: ['destination dst', '!ADDRESS[/MASK][,…]'],
    i: ['in-interface', '!NAME[+]'],
    o: ['out-interface', '!NAME[+]'],
  }),
  ...declare('none', 'Rules', { f: ['fragments', '!', 'second and later fragments (IPv4)'] }),
  ...declare('required', 'Rules', {
    m: ['match', 'MATCH', 'use a match and its options'],
    j: ['jump', 'TARGET', 'a verdict, a chain, or a target with options'],
    g: ['goto', 'CHAIN', 'continue in a chain without returning'],
    c: ['set-counters', 'PACKETS BYTES', 'initial counters of the rule'],
  }),
  ...declare('required', 'Options', {
    t: ['table', 'TABLE', 'filter (the default), nat, mangle, raw or security'],
  }),
  ...declare('none', 'Options', {
    n: ['numeric', '', 'print numbers instead of names'],
    v: ['verbose', '', 'print more; with -L: counters and interfaces'],
    x: ['exact', '', 'print exact counters'],
    0: ['line-numbers', '', 'print the numbers of rules'],
  }),
  ...declare('optional', 'Options', {
    w: ['wait', '[SECONDS]', 'wait this long for the xtables lock (default: for ever)'],
    W: ['wait-interval'],
  }),
  ...declare('none', 'Options', { 4: ['ipv4', '', 'the line is for IPv4'], 6: ['ipv6', '', 'the line is for IPv6'] }),
  ...declare('required', 'Options', {
    M: ['modprobe', 'COMMAND', 'accepted but ignored; kernel modules are loaded as needed'],
  }),
  ...declare('optional', 'Options', {
    h: ['help', '[-m MATCH | -j TARGET]', 'print this help, and the options of a match or target'],
  }),
  ...declare('none', 'Options', { V: ['version', ''] }),
]

/** `--fragments` does not exist for a family without fragments; `-f` is refused with a hint. */
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

/** All options, in the order of the help text. */
export const globals = (): readonly GlobalOption[] => GLOBALS

/** The long names of the options that are part of a rule: no commands, and no options of the tool. */
export const ruleOptionNames = (family: FamilyName): string[] =>
  [...LONG[family]].flatMap(([name, { help }]) => (help?.section === 'Rules' ? name : []))

const SHORT: ReadonlyMap<string, GlobalOption> = new Map(
  GLOBALS.filter(({ letter }) => letter !== '0').map((option) => [option.letter, option]),
)

export const globalByLetter = (letter: string): GlobalOption | undefined => SHORT.get(letter)
export const globalByName = (family: FamilyName, name: string): GlobalOption | undefined => LONG[family].get(name)

/** The options of iptables itself that an abbreviated name may mean. */
export const globalsBegunWith = (family: FamilyName, start: string): Set<GlobalOption> =>
  new Set([...LONG[family]].filter(([name]) => name.startsWith(start)).map(([, option]) => option))

/** Whether getopt(3) takes a word for an option. */
export const isOption = (word: string): boolean => word.length > 1 && word.startsWith('-')

/** The words of a line, in sequence. */
export class Line {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** The next word, without consuming it. */
  get ahead(): string | undefined {
    return this.#words[this.#at]
  }

  take(): string | undefined {
    return this.#words[this.#at++]
  }

  /** Consumes the next word if it can be the argument of the option before it. */
  follower(): string | undefined {
    return this.ahead === undefined || /^[-!]/.test(this.ahead) ? undefined : this.take()
  }
}
