/** Measures how long tests compute. */

/** The processor time that this process spends in `body`, in milliseconds: other processes on the machine do not count. */
export function cpuTime(body: () => void): number {
  const start = process.cpuUsage()
  body()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}
