/** One reading for all who ask while it is made. */
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
