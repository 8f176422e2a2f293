/** Completes the arguments of an applet from its declaration. */
import type { Applet, AppletOption, AppletOptions } from '../applets/applet'
import { namesOf } from '../applets/applet'
import { behind, both, type Candidate, type Completion } from './candidates'
import { type Meant, valuesOf } from './known'

/** Names of options, with their descriptions. */
export const optionNames = (options: AppletOptions): Completion => ({
  candidates: Object.entries(options).flatMap(([name, option]) =>
    namesOf(name, option).map((value): Candidate => ({ value, summary: option.summary })),
  ),
})

const HELP: Completion = { candidates: [{ value: '--help', summary: 'print its options' }] }

interface Found {
  readonly option: AppletOption
  /** Its value, if it is in the same word: `--table=nat`, `-tnat`. */
  readonly glued: string | undefined
}

/** The option in a word; for bundled letters, the last one. */
function findOption(options: AppletOptions, word: string): Found | undefined {
  const [, name = '', glued] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
  const long = Object.hasOwn(options, name) ? options[name] : undefined
  if (long !== undefined) return { option: long, glued }
  if (!/^-[^-]/.test(word)) return undefined
  for (let at = 1; at < word.length; at++) {
    const option = Object.values(options).find(({ short }) => short === word[at])
    if (option === undefined) return undefined
    const isLast = at === word.length - 1
    if (option.type === 'string' || isLast) return { option, glued: isLast ? undefined : word.slice(at + 1) }
  }
  return undefined
}

const awaits = (found: Found | undefined): AppletOption | undefined =>
  found?.option.type === 'string' && found.glued === undefined && !found.option.isOptional ? found.option : undefined

/** The number of operands among the words, and the options that were given. */
function readBefore(options: AppletOptions, words: readonly string[]) {
  const given = new Map<AppletOption, string | undefined>()
  let operands = 0
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const found = findOption(options, word)
    if (found !== undefined) given.set(found.option, found.glued ?? (awaits(found) && words[++i]))
    else if (word === '-' || !word.startsWith('-')) operands++
  }
  return { given, operands }
}

function familyMeant(
  options: AppletOptions,
  given: ReadonlyMap<AppletOption, unknown>,
  meant: Meant,
): Meant['families'] {
  const { ipv4, ipv6 } = options
  if (ipv6 === undefined) return meant.families
  const isSix = given.has(ipv6)
  if (ipv4 === undefined) return isSix ? ['ipv6'] : ['ipv4']
  return given.has(ipv4) === isSix ? ['ipv4', 'ipv6'] : isSix ? ['ipv6'] : ['ipv4']
}

/** @param words the words after the name of the applet; the last one is incomplete */
export function completeDeclared({ options, operands }: Applet, words: readonly string[], before: Meant): Completion {
  const last = words.at(-1) ?? ''
  const { given, operands: count } = readBefore(options, words.slice(0, -1))
  const { table } = options
  const meant: Meant = {
    ...before,
    families: familyMeant(options, given, before),
    table: (table && given.get(table)) ?? before.table,
  }
  const awaited = awaits(findOption(options, words.at(-2) ?? ''))
  if (awaited !== undefined) return valuesOf(awaited.values, meant)
  const [, glue = '', name = ''] = /^(--([^=]+)=)/s.exec(last) ?? []
  if (glue !== '')
    return behind(glue, valuesOf(Object.hasOwn(options, name) ? options[name]?.values : undefined, meant))
  const names = both(optionNames(options), HELP)
  if (last.startsWith('-')) return names
  const operand = operands[count] ?? (operands.at(-1)?.isRepeated ? operands.at(-1) : undefined)
  return operand?.values === undefined ? names : valuesOf(operand.values, meant)
}
