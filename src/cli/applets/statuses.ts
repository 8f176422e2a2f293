/** The exit statuses of the command. */

/** Of the applets that are ours alone, as far as one does not say otherwise. */
export const STATUSES: Readonly<Record<number, string>> = {
  0: 'it is done',
  1: 'it cannot be done; standard error says why',
  2: 'the command line is not understood; nothing was done',
}

/** Of those that stand in for the tools, as far as one does not say otherwise. */
export const TOOL_STATUSES: Readonly<Record<number, string>> = {
  0: 'it is done',
  1: 'it is refused',
  2: 'the command line is not understood',
}
