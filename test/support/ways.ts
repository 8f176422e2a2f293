/** The ways to write a table. */
import type { AnyTable } from '../../src/index'

type Way = (table: AnyTable, edit: () => void) => void | Promise<void>

/** Each makes one edit of a table. */
export const WAYS: Readonly<Record<string, Way>> = {
  'an edit': (_, edit) => edit(),
  'a transaction': (table, edit) => table.transaction(edit),
  'a transaction off the main thread': (table, edit) => table.transactionAsync(edit),
  'a deferred commit': (table, edit) => {
    table.autocommit = false
    edit()
    table.commit()
  },
  'a deferred commit off the main thread': async (table, edit) => {
    table.autocommit = false
    edit()
    await table.commitAsync()
  },
}
