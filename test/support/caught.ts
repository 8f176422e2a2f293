/** The error that a body throws, for tests that look into it. @throws where it throws none */
export function caught<E = unknown>(body: () => unknown): E {
  try {
    body()
  } catch (error) {
    return error as E
  }
  throw new Error('nothing was thrown')
}
