/** Shares one reading among all callers that ask while it is in progress. */
export function sharing<T>(read: () => T | Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined
  const begin = async (): Promise<T> => {
    try {
      return await read()
    } finally {
      reading = undefined
    }
  }
  return () => {
    reading ??= begin()
    return reading
  }
}
