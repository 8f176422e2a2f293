/** Suggestions for a misspelt name. */

/** How many letters must be inserted, deleted, replaced or swapped with the next one to turn one word into the other. */
function distance(from: string, to: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, i) => i)]
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const isSwapped = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j]
      const replaced = (row[j] as number) + (from[i] === to[j] ? 0 : 1)
      const swapped = isSwapped ? (before[j - 1] as number) + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min((next[j] as number) + 1, (row[j + 1] as number) + 1, replaced, swapped))
    }
    ;[before, row] = [row, next]
  }
  return row[to.length] as number
}

/** What counts in a name: an option is as similar to another as they are without their dashes. */
const letters = (name: string): string => name.replace(/^-+/, '').toLowerCase()

/** Returns the names that differ by the fewest letters: at most two, and less than half of their own. */
export function similarNames(name: string, names: readonly string[]): string | undefined {
  // The name may be any input, and the time grows with its length.
  const word = letters(name.slice(0, 64))
  const near = names
    .map((one) => ({ one, far: distance(word, letters(one)), limit: letters(one).length / 2 }))
    .filter(({ far, limit }) => far <= 2 && far < limit)
  const least = Math.min(...near.map(({ far }) => far))
  const nearest = near.filter(({ far }) => far === least).map(({ one }) => one)
  return nearest.length === 0 ? undefined : `similar names: ${nearest.join(', ')}`
}
