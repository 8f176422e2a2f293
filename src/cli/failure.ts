/** Messages and exit statuses of failed iptables commands. */
import { ERRNO } from '../abi/errno'
import { Refusal } from '../blob/verify'
import {
  ConflictError,
  IptcError,
  LockTimeoutError,
  PermissionError,
  type RuleError,
  UnsupportedError,
  XtablesError,
} from '../errors'
import { UsageError } from '../language/options'
import { fileReason } from './read-files'

/** Exit statuses. iptables(8), DIAGNOSTICS */
export const REFUSED = 1
export const USAGE = 2
export const NO_TABLE = 3
export const BUSY = 4

/** The name of a command, as in `iptables`, and its title with the version, as in `iptables v1.8.9`. */
interface Named {
  readonly program: string
  readonly title: string
}

/** Ends the command with a status and a complete message. */
export class Failure extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The last line of usage errors. */
export const tryHelp = (program: string): string =>
  `Try \`${program} -h' or '${program} --help' for more information.\n`

/** What the tools print of an error. A usage error has the text of iptables, without what would be accepted. */
export const printedText = (error: IptcError): string => (error instanceof UsageError ? error.text : error.message)

/** Converts an error to a status and message. Errors other than those of the library are rethrown. */
export function failureOf(error: unknown, { program, title }: Named): Failure {
  if (error instanceof Failure) return error
  const titled = `${title}: `
  if (error instanceof UsageError && error.bare)
    return new Failure(USAGE, `${error.text}${error.text === '' ? '' : '\n'}${tryHelp(program)}`)
  if (error instanceof XtablesError) return new Failure(USAGE, `${titled}${printedText(error)}\n${tryHelp(program)}`)
  if (error instanceof LockTimeoutError || error instanceof ConflictError)
    return new Failure(BUSY, `${titled}${error.message}\n`)
  if (error instanceof PermissionError && statusOf(error) === BUSY) return new Failure(BUSY, lockText(error))
  if (error instanceof PermissionError || error instanceof UnsupportedError)
    return new Failure(statusOf(error), `${titled}${error.message}\n`)
  if (error instanceof IptcError) return new Failure(USAGE, `${titled}${error.message}\n`)
  throw error
}

/** A lock file that may not be opened has the same status as a lock that is held. */
export const statusOf = (error: IptcError): number => (error.message.includes('lock file') ? BUSY : NO_TABLE)

/** The tools' message for insufficient privileges. */
export const NOT_ROOT = 'Permission denied (you must be root)'

const lockText = ({ path, cause }: PermissionError): string =>
  `Fatal: can't open lock file ${path}: ${fileReason(cause)}\n`

/** iptables only prints the text of the errno. We add the reason. */
export function refusalText({ message, cause }: RuleError): string {
  if (cause instanceof Refusal && cause.errno === ERRNO.ELOOP) return 'Too many levels of symbolic links.'
  return `Invalid argument: ${message}`
}
