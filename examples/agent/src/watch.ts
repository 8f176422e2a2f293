/** Tells of others who change the tables of a policy. */
import { existsSync } from 'node:fs'
import { type BackendName, Table, Table6 } from 'xtables'
import { FAMILIES, type Policy } from './policy.js'

/**
 * Calls `told` with who changed what, until the signal. Of ip_tables the kernel tells nobody: there, looking again from time to
 * time is all that can be done.
 */
export async function watchTables(
  policy: Policy,
  backend: BackendName,
  told: (what: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (backend !== 'nft') return
  const named = FAMILIES.flatMap((family) => Object.keys(policy[family]).map((name) => ({ family, name })))
  await Promise.all(
    named.map(async ({ family, name }) => {
      using table = new { ipv4: Table, ipv6: Table6 }[family](name, { backend })
      for await (const change of table.watch({ signal }))
        if (change.kind === 'resync') told('more changes than could be followed')
        else if (!isOurs(change.by.pid))
          told(`${change.kind} in ${family} ${name} by ${change.by.program ?? 'a process'} (${change.by.pid})`)
    }),
  )
}

/**
 * The kernel tells of threads, as the machine numbers them. In a container that has other numbers, what we change ourselves is looked
 * at once more, and nothing is found.
 */
const isOurs = (thread: number | undefined): boolean => existsSync(`/proc/self/task/${thread}`)
