/** The exit statuses of the command. */

/** Those of our own applets, unless an applet declares others. */
export const STATUSES: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'failure, explained on standard error',
  2: 'invalid command line (nothing was done)',
}

/** Those of the applets that replace tools, unless an applet declares others. */
export const TOOL_STATUSES: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'the operation was refused',
  2: 'invalid command line',
}
