/** iptables-save(8) and ip6tables-save(8). */
import { closeSync, writeFileSync } from 'node:fs'
import { FAMILIES, type FamilyName } from '../abi/family'
import { encodeText } from '../binary/text'
import { IptcError, NotFoundError, PermissionError } from '../errors'
import { saveTables } from '../iptc/text'
import { openForWriting } from '../kernel/linux/plain-file'
import { programOf, VERSION } from '../language/help'
import { NOT_ROOT } from './failure'
import { fileReason } from './files'
import { type Arguments, GetoptError, getopt, type OptionSpec } from './getopt'
import type { Io } from './kernel'

const OPTIONS: readonly OptionSpec[] = [
  { letter: 'b', name: 'binary', argument: 'none' },
  { letter: 'c', name: 'counters', argument: 'none' },
  { letter: 'V', name: 'version', argument: 'none' },
  // Of old: it did what is done without it.
  { letter: 'd', name: 'dump', argument: 'none' },
  { letter: 't', name: 'table', argument: 'required' },
  { letter: 'M', name: 'modprobe', argument: 'required' },
  { letter: 'f', name: 'file', argument: 'required' },
]

const last = ({ given }: Arguments, letter: string): string | undefined =>
  given.findLast((one) => one.letter === letter)?.value

/** @returns the exit status */
export function runSave(args: readonly string[], family: FamilyName, io: Io): number {
  const program = `${programOf(FAMILIES[family])}-save`
  const title = `${program} ${VERSION}`
  try {
    const options = getopt(args, OPTIONS, program)
    if (options.given.some(({ letter }) => letter === 'V')) return say(io, `${title}\n`)
    if (options.operands.length > 0) return complain(io, 'Unknown arguments found on commandline\n')
    if (options.given.some(({ letter }) => letter === 'b')) io.stderr('-b/--binary option is not implemented\n')
    return saveTo(last(options, 'f'), textOf(options, family, io), io)
  } catch (error) {
    if (error instanceof GetoptError)
      return complain(io, `${error.message}\nLook at manual page \`${program}.8' for more information.\n`)
    if (!(error instanceof IptcError)) throw error
    if (error instanceof PermissionError && error.path !== undefined)
      return complain(
        io,
        `Failed to list table names in ${error.path.replace('thread-self/', '')}: ${fileReason(error.cause)}\n`,
      )
    return complain(io, `${title}: Cannot initialize: ${reasonOf(error)}\n`)
  }
}

function reasonOf(error: IptcError): string {
  if (error instanceof PermissionError) return NOT_ROOT
  return error instanceof NotFoundError ? 'Table does not exist (do you need to insmod?)' : error.message
}

function textOf(options: Arguments, family: FamilyName, io: Io): string {
  const table = last(options, 't')
  const counters = options.given.some(({ letter }) => letter === 'c')
  const names = table === undefined ? io.tables() : [table]
  return saveTables({ family, open: (name) => io.openTable(name) }, names, counters)
}

function saveTo(file: string | undefined, text: string, io: Io): number {
  if (file === undefined) return say(io, text)
  try {
    const fd = openForWriting(file)
    try {
      writeFileSync(fd, encodeText(text))
    } finally {
      closeSync(fd)
    }
    return 0
  } catch (error) {
    return complain(io, `Failed to open file, error: ${fileReason(error)}\n`)
  }
}

function say(io: Io, text: string): number {
  io.stdout(text)
  return 0
}

function complain(io: Io, text: string): number {
  io.stderr(text)
  return 1
}
