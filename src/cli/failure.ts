/** How a command fails: messages and exit statuses of the iptables commands. */
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

/** How a command names itself: `iptables`, and with its version `iptables v1.8.9`. */
interface Named {
  readonly program: string
  readonly title: string
}

/** What the command ends with: its status, and the whole message. */
export class Failure extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Where more is to be read. */
export const tryHelp = (program: string): string =>
  `Try \`${program} -h' or '${program} --help' for more information.\n`

/** The status and the message that an error stands for. Those that nobody expected are thrown on. */
export function failureOf(error: unknown, { program, title }: Named): Failure {
  if (error instanceof Failure) return error
  const titled = `${title}: `
  if (error instanceof UsageError && error.bare)
    return new Failure(USAGE, `${error.message}${error.message === '' ? '' : '\n'}${tryHelp(program)}`)
  if (error instanceof XtablesError) return new Failure(USAGE, `${titled}${error.message}\n${tryHelp(program)}`)
  if (error instanceof LockTimeoutError || error instanceof ConflictError)
    return new Failure(BUSY, `${titled}${error.message}\n`)
  if (error instanceof PermissionError && statusOf(error) === BUSY) return new Failure(BUSY, lockText(error))
  if (error instanceof PermissionError || error instanceof UnsupportedError)
    return new Failure(statusOf(error), `${titled}${error.message}\n`)
  if (error instanceof IptcError) return new Failure(USAGE, `${titled}${error.message}\n`)
  throw error
}

/** The lock file that may not be opened is of the same kind as a lock that is held. */
export const statusOf = (error: IptcError): number => (error.message.includes('lock file') ? BUSY : NO_TABLE)

/** What the tools say to whoever may not. */
export const NOT_ROOT = 'Permission denied (you must be root)'

const lockText = ({ path, cause }: PermissionError): string =>
  `Fatal: can't open lock file ${path}: ${fileReason(cause)}\n`

/** iptables repeats what the errno says; we know the reason as well. */
export function refusalText({ message, cause }: RuleError): string {
  if (cause instanceof Refusal && cause.errno === ERRNO.ELOOP) return 'Too many levels of symbolic links.'
  return `Invalid argument: ${message}`
}
