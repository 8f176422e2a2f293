/** iptables-restore(8) and ip6tables-restore(8). */
import { readFileSync } from 'node:fs'
import { FAMILIES, type FamilyName } from '../abi/family'
import { decodeText } from '../binary/text'
import { PermissionError, RestoreError } from '../errors'
import { restoreTables } from '../iptc/text'
import { programOf, VERSION } from '../language/help'
import { UsageError } from '../language/options'
import type { RestoreTextOptions } from '../language/restore'
import { Failure, failureOf, NO_TABLE, NOT_ROOT, statusOf, tryHelp, USAGE } from './failure'
import { fileReason } from './files'
import { type Arguments, GetoptError, type Given, getopt, type OptionSpec } from './getopt'
import type { Io } from './kernel'

const OPTIONS: readonly OptionSpec[] = [
  // The long name, which the manual page has, is none.
  { letter: 'b', argument: 'none' },
  { letter: 'c', name: 'counters', argument: 'none' },
  { letter: 'v', name: 'verbose', argument: 'none' },
  { letter: 'V', name: 'version', argument: 'none' },
  { letter: 't', name: 'test', argument: 'none' },
  { letter: 'h', name: 'help', argument: 'none' },
  { letter: 'n', name: 'noflush', argument: 'none' },
  { letter: 'M', name: 'modprobe', argument: 'required' },
  { letter: 'T', name: 'table', argument: 'required' },
  { letter: 'w', name: 'wait', argument: 'follower' },
  { letter: 'W', name: 'wait-interval', argument: 'follower' },
]

const HELP = `Usage: PROGRAM [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
	   [ --counters ]
	   [ --verbose ]
	   [ --version]
	   [ --test ]
	   [ --help ]
	   [ --noflush ]
	   [ --wait=<seconds>
	   [ --table=<TABLE> ]
	   [ --modprobe=<command> ]
`

/** What is to be done, as the command line says it. */
interface Request {
  readonly file: string | undefined
  readonly test: boolean
  readonly lockTimeoutMs: number | undefined
  readonly text: Pick<RestoreTextOptions, 'counters' | 'noflush' | 'tables' | 'verbose'>
}

/** @returns the exit status */
export function runRestore(args: readonly string[], family: FamilyName, io: Io): number {
  const program = `${programOf(FAMILIES[family])}-restore`
  try {
    const options = getopt(args, OPTIONS, program, (given) => answer(given, program, io))
    restore(readRequest(options), io)
    return 0
  } catch (error) {
    return explain(error, program, io)
  }
}

function readRequest(options: Arguments): Request {
  const has = (letter: string): boolean => options.given.some((one) => one.letter === letter)
  const value = (letter: string): string | undefined => options.given.findLast((one) => one.letter === letter)?.value
  if (options.operands.length > 1) throw new Failure(1, 'Unknown arguments found on commandline\n')
  if (has('W') && !has('w')) throw new Failure(1, 'Option --wait-interval requires option --wait\n')
  const table = value('T')
  return {
    file: options.operands[0],
    test: has('t'),
    lockTimeoutMs: milliseconds(value('w')),
    text: {
      counters: has('c'),
      noflush: has('n'),
      tables: table === undefined ? undefined : [table],
      verbose: has('v'),
    },
  }
}

/** Carries out an option that says something. */
function answer({ letter, value }: Given, program: string, io: Io): void {
  if (letter === 'V' || letter === 'h') {
    if (letter === 'V') io.stdout(`${titleOf(program)}\n`)
    else io.stderr(HELP.replace('PROGRAM', program))
    throw new Failure(0, '')
  }
  if (letter === 'b') io.stderr('-b/--binary option is not implemented\n')
  if (letter === 'w' && value !== undefined) checkNumber(value, 'wait seconds not numeric', program)
  if (letter !== 'W') return
  checkNumber(value, value === undefined ? 'wait interval value required' : 'wait interval not numeric', program)
  io.stderr('Ignoring deprecated --wait-interval option.\n')
}

const titleOf = (program: string): string => `${program} ${VERSION}`

function checkNumber(word = '', complaint: string, program: string): void {
  if (/^\s*[-+]?\d/.test(word)) return
  throw new Failure(2, `${titleOf(program)}: ${complaint}\nError occurred at line: 0\n${tryHelp(program)}`)
}

/** Without a number, or with 0, it waits for ever. */
function milliseconds(seconds: string | undefined): number | undefined {
  const whole = Number.parseInt(seconds ?? '0', 10)
  return whole > 0 ? Math.min(whole, 2_000_000) * 1000 : undefined
}

function restore({ file, test, lockTimeoutMs, text }: Request, io: Io): void {
  const input = readInput(file, io)
  const open = (name: string) => io.openTable(name, lockTimeoutMs)
  restoreTables(open, input, { ...text, test, print: io.stdout, warn: io.stderr, describe })
}

function readInput(file: string | undefined, io: Io): string {
  try {
    return file === undefined ? io.stdin() : decodeText(readFileSync(file))
  } catch (error) {
    const what = file === undefined ? 'read standard input' : `open ${file}`
    throw new Failure(1, `Can't ${what}: ${fileReason(error)}\n`)
  }
}

/** What a command within the text prints. Few do, so what they need is loaded when it is needed. */
const describe: RestoreTextOptions['describe'] = (...args) => {
  const { describeCommand } = require('../language/describe') as typeof import('../language/describe')
  return describeCommand(...args)
}

function explain(error: unknown, program: string, io: Io): number {
  if (error instanceof GetoptError) {
    io.stderr(`${error.message}\nTry \`${program} -h' for more information.\n`)
    return 1
  }
  if (error instanceof RestoreError) return blame(error, program, io)
  if (error instanceof PermissionError && statusOf(error) === NO_TABLE) {
    io.stderr(`${titleOf(program)}: ${NOT_ROOT}\n`)
    return USAGE
  }
  const { status, message } = failureOf(error, program)
  io.stderr(message)
  return status
}

/** Tells which line is at fault and why. */
function blame({ line, text, kind, reason, cause }: RestoreError, program: string, io: Io): number {
  // A terminal may do anything with a NUL.
  const quoted = text === '' ? '' : `  ${text.replaceAll('\0', '\\0')}\n`
  if (kind === 'refused') {
    io.stderr(`${program}: line ${line} failed: ${reason}\n${quoted}`)
    return 1
  }
  const title = cause instanceof UsageError && cause.bare ? '' : `${titleOf(program)}: `
  io.stderr(`${title}${reason}\nError occurred at line: ${line}\n${quoted}${tryHelp(program)}`)
  return 2
}
