/** Whether a terminal is to be written to in colours. */

interface Terminal {
  readonly isTTY?: boolean
  readonly hasColors?: () => boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * `FORCE_COLOR` says it of any output, and `0` or `false` there that there are to be none; `NO_COLOR`, unless it is empty, that
 * there are to be none (no-color.org). Otherwise only a terminal has colours.
 */
export function hasColours(output: () => Terminal, { FORCE_COLOR, NO_COLOR }: Environment = process.env): boolean {
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  const { isTTY = false, hasColors } = output()
  return isTTY && (hasColors === undefined || hasColors.call(output()))
}
