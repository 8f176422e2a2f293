/** Completes an ipset command line. */
import { COMMANDS, FLAGS, MODES, VALUED } from '../../ipset/language/command'
import type { Values } from '../applets/applet'
import { type Completion, NOTHING, plain } from './candidates'
import { type Meant, valuesOf } from './known'

/** The arguments of each command, word by word. */
const OPERANDS: Readonly<Record<string, readonly Values[]>> = {
  create: [[], 'set type'],
  ...Object.fromEntries(['add', 'del', 'test', 'destroy', 'list', 'save', 'flush'].map((name) => [name, ['set']])),
  rename: ['set', []],
  swap: ['set', 'set'],
  help: ['set type'],
}

const OPTION_NAMES = [...Object.keys(FLAGS), ...Object.keys(VALUED)].map((name) => `-${name}`)
const COMMAND_NAMES = COMMANDS.map(({ name }) => name)

/** @param words the words after `ipset`; the last one is incomplete */
export function completeSets(words: readonly string[], meant: Meant): Completion {
  const [option = '', last = ''] = [words.at(-2), words.at(-1)]
  const valued = /^--?(.+)$/.exec(option)?.[1] ?? ''
  if (Object.hasOwn(VALUED, valued)) return VALUED[valued] === 'o' ? plain(MODES) : valuesOf('file', meant)
  if (last.startsWith('-')) return plain(OPTION_NAMES)
  const [command, ...operands] = words.slice(0, -1).filter((word) => !word.startsWith('-'))
  if (command === undefined) return plain(COMMAND_NAMES)
  const values = Object.hasOwn(OPERANDS, command) ? OPERANDS[command]?.[operands.length] : undefined
  return values === undefined ? NOTHING : valuesOf(values, meant)
}
