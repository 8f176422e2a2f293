/** Whether to write colours to a terminal. */

type Environment = Readonly<Record<string, string | undefined>>

interface Terminal {
  readonly isTTY?: boolean
  readonly hasColors?: (environment: Environment) => boolean
}

/**
 * `FORCE_COLOR` says it of any output, and `0` or `false` there that there are to be none; `NO_COLOR`, unless it is empty, that
 * there are to be none (no-color.org). Otherwise only a terminal has colours.
 */
export function hasColours(output: () => Terminal, environment: Environment = process.env): boolean {
  const { NO_COLOR, ...rest } = environment
  const { FORCE_COLOR } = rest
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  const { isTTY = false, hasColors } = output()
  // To Node, an empty NO_COLOR would say it as well.
  return isTTY && (hasColors === undefined || hasColors.call(output(), rest))
}
