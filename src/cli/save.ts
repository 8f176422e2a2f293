/** iptables-save(8) and ip6tables-save(8). */
import { closeSync, writeFileSync } from 'node:fs'
import { FAMILIES, type FamilyName } from '../abi/family'
import { encodeText } from '../binary/text'
import { IptcError, NotFoundError, PermissionError } from '../errors'
import { saveTables } from '../iptc/save-restore'
import { openForWriting } from '../kernel/linux/plain-file'
import { getoptSpecs, SAVE_OPTIONS } from './applets/tools'
import { Failure } from './failure'
import { type Arguments, GetoptError, getopt } from './getopt'
import { type Tool, toolOf } from './iptables-tools'
import type { Io } from './open-kernel'
import { fileReason } from './read-files'

const last = ({ given }: Arguments, letter: string): string | undefined =>
  given.findLast((one) => one.letter === letter)?.value

/** @returns the exit status */
export function runSave(args: readonly string[], family: FamilyName, io: Io): number {
  const tool = toolOf(FAMILIES[family], io.backend, 'save')
  const { program, title } = tool
  try {
    const options = getopt(args, getoptSpecs(SAVE_OPTIONS), program)
    if (options.given.some(({ letter }) => letter === 'V')) return say(io, `${title}\n`)
    if (options.operands.length > 0) return complain(io, 'Unknown arguments found on commandline\n')
    if (options.given.some(({ letter }) => letter === 'b')) io.stderr('-b/--binary option is not implemented\n')
    if (tool.words.alsoLegacy && io.hasLegacyTables()) io.stderr(tool.words.alsoLegacy(tool, FAMILIES[family]))
    return saveTo(last(options, 'f'), textOf(options, tool, io), io)
  } catch (error) {
    if (error instanceof GetoptError)
      return complain(io, `${error.message}\nLook at manual page \`${program}.8' for more information.\n`)
    if (error instanceof Failure) return complain(io, error.message, error.status)
    if (!(error instanceof IptcError)) throw error
    if (error instanceof PermissionError && error.path !== undefined)
      return complain(
        io,
        `Failed to list table names in ${error.path.replace('thread-self/', '')}: ${fileReason(error.cause)}\n`,
      )
    return complain(io, `${title}: Cannot initialize: ${error.message}\n`)
  }
}

function textOf(options: Arguments, tool: Tool, io: Io): string {
  const table = last(options, 't')
  const counters = options.given.some(({ letter }) => letter === 'c')
  try {
    const names = table === undefined ? io.tables() : [table]
    return saveTables((name) => io.openTable(name), names, { program: tool.program, counters })
  } catch (error) {
    if (error instanceof PermissionError && error.path === undefined) throw tool.words.mayNot(tool, table ?? '')
    throw error instanceof NotFoundError ? tool.words.noTable(tool, table ?? '') : error
  }
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

function complain(io: Io, text: string, status = 1): number {
  io.stderr(text)
  return status
}
