/** Parses the command line of ipset(8): options, command and arguments. */
import { syntax, usage } from './text-errors'

export type OutputMode = 'plain' | 'save' | 'xml' | 'json'
export const MODES: readonly OutputMode[] = ['plain', 'save', 'xml', 'json']

/** The values of options. In an interactive session and while restoring, they stay in effect for the following lines. */
export interface Settings {
  exist?: boolean
  quiet?: boolean
  resolve?: boolean
  sorted?: boolean
  names?: boolean
  terse?: boolean
  output?: OutputMode
  file?: string
}

type Flag = 'exist' | 'quiet' | 'resolve' | 'sorted' | 'names' | 'terse'

export const FLAGS: Readonly<Record<string, Flag>> = {
  '!': 'exist',
  exist: 'exist',
  q: 'quiet',
  quiet: 'quiet',
  r: 'resolve',
  resolve: 'resolve',
  s: 'sorted',
  sorted: 'sorted',
  n: 'names',
  name: 'names',
  t: 'terse',
  terse: 'terse',
}

export const VALUED: Readonly<Record<string, 'o' | 'f'>> = { o: 'o', output: 'o', f: 'f', file: 'f' }

export type CommandName =
  | 'create'
  | 'add'
  | 'del'
  | 'test'
  | 'destroy'
  | 'list'
  | 'save'
  | 'restore'
  | 'flush'
  | 'rename'
  | 'swap'
  | 'help'
  | 'version'
  | 'quit'
  | '-'

interface Spec {
  readonly name: CommandName
  readonly letters: readonly string[]
  /** An alias. Unlike the name, it cannot be abbreviated. */
  readonly short?: string
  /** The minimum and maximum number of arguments. */
  readonly words: readonly [least: number, most: number]
}

const ANY = Number.POSITIVE_INFINITY

/** In the order in which abbreviated names are looked up. */
export const COMMANDS: readonly Spec[] = [
  { name: 'create', letters: ['N'], short: 'n', words: [2, ANY] },
  { name: 'add', letters: ['A'], words: [2, ANY] },
  { name: 'del', letters: ['D'], words: [2, ANY] },
  { name: 'test', letters: ['T'], words: [2, ANY] },
  { name: 'destroy', letters: ['X'], short: 'x', words: [0, 1] },
  { name: 'list', letters: ['L'], words: [0, 1] },
  { name: 'save', letters: ['S'], words: [0, 1] },
  { name: 'restore', letters: ['R'], words: [0, 0] },
  { name: 'flush', letters: ['F'], words: [0, 1] },
  { name: 'rename', letters: ['E'], short: 'e', words: [2, 2] },
  { name: 'swap', letters: ['W'], short: 'w', words: [2, 2] },
  { name: 'help', letters: ['h', 'H'], words: [0, ANY] },
  { name: 'version', letters: ['v', 'V'], words: [0, ANY] },
  { name: 'quit', letters: [], words: [0, ANY] },
]

/** A command and its arguments. */
export interface Command {
  readonly name: CommandName
  readonly words: readonly string[]
}

/** Stores the options, which can stand anywhere among the words, in `settings`. @returns the other words. @throws SetTextError */
function takeOptions(words: readonly string[], settings: Settings): string[] {
  const others: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const name = /^--?(.+)$/s.exec(word)?.[1] ?? ''
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined
    const letter = Object.hasOwn(VALUED, name) ? VALUED[name] : undefined
    if (flag !== undefined) settings[flag] = true
    else if (letter !== undefined) setValue(letter, words[++i], settings)
    else others.push(word)
  }
  return others
}

function setValue(letter: 'o' | 'f', value: string | undefined, settings: Settings): void {
  if (value === undefined) throw usage(`Missing mandatory argument to option -${letter}`)
  if (letter === 'o') settings.output = readMode(value)
  else if (settings.file !== undefined) throw usage('-file option cannot be used when full io is activated')
  else settings.file = value
}

function readMode(word: string): OutputMode {
  const mode = MODES.find((one) => one === word)
  if (mode === undefined) throw syntax(`unknown output mode '${word}'`)
  return mode
}

/** Finds a command by its letter, alias or name. An abbreviated name selects the first command that starts with it. */
function findCommand(word: string): Spec | undefined {
  const letter = /^-(.)$/su.exec(word)?.[1]
  if (letter !== undefined) return COMMANDS.find(({ letters }) => letters.includes(letter))
  const name = word.replace(/^--/, '')
  if (name === '' || name.startsWith('-')) return undefined
  return COMMANDS.find(({ short }) => short === name) ?? COMMANDS.find((one) => one.name.startsWith(name))
}

/**
 * @param settings receives the values of the options
 * @throws SetTextError
 */
export function readCommand(words: readonly string[], settings: Settings): Command {
  const [first, ...rest] = takeOptions(words, settings)
  if (first === undefined) throw usage('No command specified.')
  if (first === '-') return { name: '-', words: rest }
  const spec = findCommand(first)
  if (spec === undefined) throw usage(`No command specified: unknown argument ${first}`)
  const { name } = spec
  const [least, most] = spec.words
  if (rest.length < least)
    throw usage(`Missing ${rest.length === 0 ? '' : 'second '}mandatory argument to command ${name}`)
  if (rest.length > most) throw usage(`Unknown argument ${rest[most]}`)
  return { name, words: rest }
}

const BLANK = /[\s]+/

/**
 * Splits a line into words. Quotes protect blanks; a backslash is an ordinary character. Empty words are dropped.
 * @throws SetTextError if a quote is not closed
 */
export function lineWords(line: string): string[] {
  if (!line.includes('"')) return line.split(BLANK).filter((word) => word !== '')
  const words: string[] = []
  let word = ''
  let quoted = false
  for (const char of line)
    if (char === '"') quoted = !quoted
    else if (quoted || !BLANK.test(char)) word += char
    else {
      words.push(word)
      word = ''
    }
  if (quoted) throw usage('Missing closing quote')
  return [...words, word].filter((one) => one !== '')
}
