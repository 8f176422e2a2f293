/** What the exit statuses of the command mean. */

/** Of the applets that are ours alone, as far as one does not say otherwise. */
export const STATUSES: Readonly<Record<number, string>> = {
  0: 'it is done',
  1: 'it cannot be done; standard error says why',
  2: 'the words are not understood; nothing was done',
  4: 'the xtables lock is held, or another program has changed the tables: nothing was done, and it can be tried again',
}

/** Of those that stand in for the tools, as far as one does not say otherwise. */
export const TOOL_STATUSES: Readonly<Record<number, string>> = {
  0: 'it is done',
  1: 'it is refused',
  2: 'the words are not understood',
}
