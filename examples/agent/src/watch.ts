/** Reports changes of the tables by other programs. */
import { existsSync } from 'node:fs'
import { type BackendName, Table, Table6 } from 'xtables'

/**
 * Calls `report` with a description of each change, until the signal aborts. Only nf_tables reports changes; on ip_tables,
 * the agent has to look from time to time.
 */
export async function watchTables(
  backend: BackendName,
  report: (change: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (backend !== 'nft') return
  const watch = async (family: 'IPv4' | 'IPv6', name: string): Promise<void> => {
    using table = new { IPv4: Table, IPv6: Table6 }[family](name, { backend })
    for await (const change of table.watch({ signal }))
      if (change.kind === 'resync') report('more changes than could be followed')
      else if (!isOurs(change.by.pid))
        report(`${change.kind} in ${family} ${name} by ${change.by.program ?? 'a process'} (${change.by.pid})`)
  }
  await Promise.all(Table.ALL.flatMap((name) => [watch('IPv4', name), watch('IPv6', name)]))
}

/**
 * The kernel reports the thread that made the change, by its number on the host. In a container with numbers of its own,
 * our own changes are not recognised: the agent checks the tables once more and finds nothing to do.
 */
const isOurs = (thread: number | undefined): boolean => existsSync(`/proc/self/task/${thread}`)
