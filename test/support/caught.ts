/** Returns the error that a function throws, so that a test can inspect it. @throws if it throws none */
export function caught<E = unknown>(body: () => unknown): E {
  try {
    body()
  } catch (error) {
    return error as E
  }
  throw new Error('nothing was thrown')
}
