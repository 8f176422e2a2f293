/** Measures how long tests compute. */

/**
 * The processor time that this process has spent, in milliseconds: other processes on the machine do not count.
 * @param start from `process.cpuUsage`
 */
export function cpuTimeSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

/** The processor time that this process spends in `body`, in milliseconds. */
export function cpuTime(body: () => void): number {
  const start = process.cpuUsage()
  body()
  return cpuTimeSince(start)
}
