/** What is said of files that cannot be opened. */
import { getSystemErrorMap } from 'node:util'

/** The reason as strerror(3) gives it: `No such file or directory`. */
export function fileReason(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException
  const text = (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
