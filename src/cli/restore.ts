/** iptables-restore(8) and ip6tables-restore(8). */
import { readFileSync } from 'node:fs'
import { FAMILIES, type FamilyName } from '../abi/family'
import { decodeText } from '../binary/text'
import { PermissionError, RestoreError, RuleError } from '../errors'
import { restoreTables } from '../iptc/save-restore'
import { UsageError } from '../language/options'
import type { RestoreTextOptions } from '../language/restore'
import { getoptSpecs, RESTORE_OPTIONS } from './applets/tools'
import { Failure, failureOf, NO_TABLE, statusOf, tryHelp } from './failure'
import { type Arguments, GetoptError, type Given, getopt } from './getopt'
import { type Tool, toolOf } from './iptables-tools'
import type { Io } from './open-kernel'
import { fileReason } from './read-files'

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

/** The parsed command line. */
interface Request {
  readonly file: string | undefined
  readonly test: boolean
  readonly lockTimeoutMs: number | undefined
  readonly text: Pick<RestoreTextOptions, 'counters' | 'noflush' | 'tables' | 'verbose'>
}

/** @returns the exit status */
export function runRestore(args: readonly string[], family: FamilyName, io: Io): number {
  const tool = toolOf(FAMILIES[family], io.backend, 'restore')
  try {
    const { operands, given } = getopt(args, getoptSpecs(RESTORE_OPTIONS), tool.program, (one) => answer(one, tool, io))
    const meant = given.filter(({ letter }) => !tool.words.ignored.includes(letter))
    restore(readRequest({ operands, given: meant }), io)
    return 0
  } catch (error) {
    return explain(error, tool, io)
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

/** Handles options that print something. They take effect while the options are parsed, as in the tool. */
function answer({ letter, value }: Given, tool: Tool, io: Io): void {
  if (letter === 'V' || letter === 'h') {
    if (letter === 'V') io.stdout(`${tool.title}\n`)
    else io.stderr(HELP.replace('PROGRAM', tool.program))
    throw new Failure(0, '')
  }
  if (tool.words.ignored.includes(letter)) return
  if (letter === 'b') io.stderr('-b/--binary option is not implemented\n')
  if (letter === 'w' && value !== undefined) checkNumber(value, 'wait seconds not numeric', tool)
  if (letter !== 'W') return
  checkNumber(value, value === undefined ? 'wait interval value required' : 'wait interval not numeric', tool)
  io.stderr('Ignoring deprecated --wait-interval option.\n')
}

function checkNumber(word = '', complaint: string, { program, title }: Tool): void {
  if (/^\s*[-+]?\d/.test(word)) return
  throw new Failure(2, `${title}: ${complaint}\nError occurred at line: 0\n${tryHelp(program)}`)
}

/** Undefined, which means for ever, without a number or for 0. */
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

/** Prints the output of a command within the text, such as `-L`. Such commands are rare, so the module is loaded on first use. */
const describe: RestoreTextOptions['describe'] = (...args) => {
  const { describeCommand } = require('../language/describe') as typeof import('../language/describe')
  return describeCommand(...args)
}

function explain(error: unknown, tool: Tool, io: Io): number {
  if (error instanceof GetoptError) {
    io.stderr(`${error.message}\nTry \`${tool.program} -h' for more information.\n`)
    return 1
  }
  if (error instanceof RestoreError) return blame(error, tool, io)
  const isForbidden = error instanceof PermissionError && statusOf(error) === NO_TABLE
  const { status, message } = isForbidden ? tool.words.mayNot(tool, '') : failureOf(error, tool)
  io.stderr(message)
  return status
}

/** Reports the line with the error, and the reason. */
function blame({ line, text, kind, reason, cause }: RestoreError, { program, title, words }: Tool, io: Io): number {
  // A NUL is escaped: terminals may print anything for it.
  const quoted = text === '' ? '' : `  ${text.replaceAll('\0', '\\0')}\n`
  const said = cause instanceof UsageError ? cause.text.trim() : reason
  if (kind === 'refused') {
    io.stderr(`${program}: line ${line} failed: ${said}\n${quoted}`)
    return cause instanceof RuleError && cause.cause !== undefined ? words.restoreRefused : 1
  }
  const before = cause instanceof UsageError && cause.bare ? '' : `${title}: `
  io.stderr(`${before}${said}\nError occurred at line: ${line}\n${quoted}${tryHelp(program)}`)
  return 2
}
