/** iptables-xml(1). */
import { readFileSync } from 'node:fs'
import { decodeText } from '../binary/text'
import { IptcError } from '../errors'
import { LANGUAGE_VERSION } from '../language/help'
import { XmlError, XmlWriter } from '../language/xml'
import { getoptSpecs, XML_OPTIONS } from './applets/tools'
import { tryHelp } from './failure'
import { GetoptError, getopt } from './getopt'
import type { Io } from './open-kernel'
import { fileReason } from './read-files'

const PROGRAM = 'iptables-xml'

const HELP = `Usage: ${PROGRAM} [-c] [-v] [-h]
          [--combine ]
\t   [ --verbose ]
\t   [ --help ]
`

/** @returns the exit status */
export function runXml(args: readonly string[], io: Pick<Io, 'stdout' | 'stderr' | 'stdin'>): number {
  try {
    const { given, operands } = getopt(args, getoptSpecs(XML_OPTIONS), PROGRAM)
    const has = (letter: string): boolean => given.some((one) => one.letter === letter)
    if (has('h')) return complain(io, 1, HELP)
    if (operands.length > 1) return complain(io, 1, 'Unknown arguments found on commandline\n')
    io.stdout(new XmlWriter({ combine: has('c'), verbose: has('v') }).convert(readInput(operands[0], io)))
    return 0
  } catch (error) {
    if (error instanceof GetoptError) return complain(io, 1, `${error.message}\n${HELP}`)
    if (error instanceof IptcError) return complain(io, 1, `${error.message}\n`)
    if (!(error instanceof XmlError)) throw error
    io.stdout(error.written)
    return complain(io, error.status, messageOf(error))
  }
}

function messageOf({ status, line, message }: XmlError): string {
  if (status === 1) return `${PROGRAM}: ${message}\n`
  const named = message.startsWith('Bad line') ? message : `${PROGRAM}: ${message}`
  return `${PROGRAM} ${LANGUAGE_VERSION}: ${named}\nError occurred at line: ${line}\n${tryHelp(PROGRAM)}`
}

function complain({ stderr }: Pick<Io, 'stderr'>, status: number, text: string): number {
  stderr(text)
  return status
}

function readInput(file: string | undefined, { stdin }: Pick<Io, 'stdin'>): string {
  if (file === undefined) return stdin()
  try {
    return decodeText(readFileSync(file))
  } catch (error) {
    throw new IptcError('XT_FILE', `Can't open ${file}: ${fileReason(error)}`)
  }
}
