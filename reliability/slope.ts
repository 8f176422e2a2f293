/** The straight line that lies closest to some points (least squares), and how far they lie from it. */
export interface Line {
  /** By how much it rises between the first and the last of the points. */
  readonly rise: number
  /** Standard error of the rise: what chance alone makes of it. */
  readonly error: number
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** @param points at least three, in the order of their first coordinate */
export function lineThrough(points: readonly (readonly [x: number, y: number])[]): Line {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const [x0, y0] = [mean(xs), mean(ys)]
  const spread = mean(xs.map((x) => (x - x0) ** 2)) * points.length
  const slope = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0) / spread
  const rest = points.reduce((sum, [x, y]) => sum + (y - y0 - slope * (x - x0)) ** 2, 0) / (points.length - 2)
  const width = (xs.at(-1) as number) - (xs[0] as number)
  return { rise: slope * width, error: Math.sqrt(rest / spread) * width }
}
