/** Suggestions for a misspelt name. */

/** How many letters must be inserted, deleted or replaced to turn one word into the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries())
      next.push(
        Math.min((next[j] as number) + 1, (row[j + 1] as number) + 1, (row[j] as number) + (letter === other ? 0 : 1)),
      )
    row = next
  }
  return row[to.length] as number
}

/** Returns the names that differ by at most two letters, and by less than half of their own, nearest first. */
export function similarNames(name: string, names: readonly string[]): string | undefined {
  // The name may be any input, and the time grows with its length.
  const word = name.slice(0, 64).toLowerCase()
  const near = names
    .map((one) => ({ one, far: distance(word, one.toLowerCase()) }))
    .filter(({ one, far }) => far <= 2 && far < one.length / 2)
    .sort((a, b) => a.far - b.far)
    .map(({ one }) => one)
  return near.length === 0 ? undefined : `similar names: ${near.join(', ')}`
}
