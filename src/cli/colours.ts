/** Whether to write colours to a terminal. */

type Environment = Readonly<Record<string, string | undefined>>

interface Terminal {
  readonly isTTY?: boolean
  readonly hasColors?: (environment: Environment) => boolean
}

/**
 * `FORCE_COLOR` turns colours on for any output, or off with `0` or `false`. A non-empty `NO_COLOR` turns them off
 * (no-color.org). Otherwise, only terminals get colours.
 */
export function hasColours(output: () => Terminal, environment: Environment = process.env): boolean {
  const { NO_COLOR, ...rest } = environment
  const { FORCE_COLOR } = rest
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  const { isTTY = false, hasColors } = output()
  // Node would treat an empty NO_COLOR like any other value.
  return isTTY && (hasColors === undefined || hasColors.call(output(), rest))
}
