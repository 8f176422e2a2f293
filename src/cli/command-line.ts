/** Parses the command line of one of our own applets according to its declaration. */
import { parseArgs } from 'node:util'
import { oneOf } from '../check-input'
import { IptcError } from '../errors'
import { similarNames } from '../extensions/similar-names'
import { type Applet, namesOf, operandText, type Values } from './applets/applet'

/** An invalid command line. Nothing has been done. */
export class CommandLineError extends IptcError {
  constructor(message: string, options?: ErrorOptions) {
    super('XT_COMMAND', message, options)
  }
}

type Parsed<A extends Applet> = ReturnType<
  typeof parseArgs<{ args: string[]; options: A['options']; allowPositionals: true }>
>

/** @throws CommandLineError, whose message says what is wrong and what would be accepted */
export function readWords<const A extends Applet>(applet: A, words: readonly string[]): Parsed<A> {
  const args = [...words]
  checkNames(applet, args)
  try {
    const parsed = parseArgs({ args, options: applet.options, allowPositionals: true })
    checkOperands(applet, parsed.positionals)
    checkValues(applet, parsed)
    return parsed as Parsed<A>
  } catch (error) {
    if (!(error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) throw error
    // Only the first sentence names the error. The others suggest other spellings.
    const [sentence = ''] = (error as Error).message.split(/\.?\n|\. /)
    throw wrong(applet, sentence.replace(/\.$/, ''))
  }
}

/** An error in the command line of an applet, which refers to its help. */
export const wrong = ({ name }: Applet, what: string): CommandLineError =>
  new CommandLineError(`${name}: ${what}; see xtables ${name} --help`)

function checkNames(applet: Applet, args: string[]): void {
  const { options } = applet
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true })
  for (const token of tokens)
    if (token.kind === 'option' && !Object.hasOwn(options, token.name)) throw unknownOption(applet, token.rawName)
}

function unknownOption(applet: Applet, given: string): CommandLineError {
  const names = Object.entries(applet.options).flatMap(([name, option]) => namesOf(name, option))
  const near = given.startsWith('--')
    ? similarNames(
        given,
        names.filter((name) => name.startsWith('--')),
      )
    : undefined
  const takes = names.length === 0 ? 'it has no options' : `it takes ${names.join(', ')}`
  return wrong(applet, `there is no option ${given}; ${near ?? takes}`)
}

function checkOperands(applet: Applet, words: readonly string[]): void {
  const { operands } = applet
  const missing = operands.filter(({ isOptional }) => !isOptional)[words.length]
  if (missing !== undefined) throw wrong(applet, `expected ${operands.map(operandText).join(' ')}`)
  const superfluous = operands.at(-1)?.isRepeated ? undefined : words[operands.length]
  if (superfluous === undefined) return
  const expected = operands.length === 0 ? 'none' : `only ${operands.map(operandText).join(' ')}`
  throw wrong(applet, `unexpected operand ${JSON.stringify(superfluous)}; expected ${expected}`)
}

/** Refuses values that are not in the list of an option or operand. Case is ignored here: an applet may be stricter. */
function checkValues(
  applet: Applet,
  { values, positionals }: { values: object; positionals: readonly string[] },
): void {
  const check = (name: string, known: Values | undefined, given: readonly unknown[], noun?: string): void => {
    if (typeof known !== 'object') return
    const bad = given.find((word) => !known.some((one) => one.toLowerCase() === String(word).toLowerCase()))
    if (bad === undefined) return
    const [word, expected] = [JSON.stringify(bad), oneOf(known)]
    throw wrong(
      applet,
      noun ? `unknown ${noun} ${word}: expected ${expected}` : `${name} must be ${expected}, not ${word}`,
    )
  }
  for (const [name, value] of Object.entries(values)) check(`--${name}`, applet.options[name]?.values, [value].flat())
  for (const [i, { name, noun, values: known }] of applet.operands.entries())
    check(name, known, positionals.slice(i, i + 1), noun)
}

/** Whether the words contain `--help` or `-h`, before `--`. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? words.length : end).some((word) => word === '--help' || word === '-h')
}
