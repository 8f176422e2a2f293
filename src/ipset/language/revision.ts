/** Refuses options that the kernel is too old for, with the message of ipset(8). */
import type { SetType } from '../types'
import { usage } from './text-errors'

/**
 * Checks that this revision of the type supports the option. The value of the option does not matter.
 * @param word the option as it was written
 * @throws SetTextError
 */
export function checkRevision({ name: type, since }: SetType, option: string, word: string, revision: number): void {
  const first = since[option] ?? 0
  if (first <= revision) return
  throw usage(
    `Argument \`${word}' is supported in the kernel module of the set type ${type} starting from the revision ${first} ` +
      `and you have installed revision ${revision} only. Your kernel is behind your ipset utility.`,
  )
}
