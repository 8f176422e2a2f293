/** A table as `iptables-save -c` lists it. */
import { Table, Table6 } from '../iptc/table'

export interface ListOptions {
  readonly ipv6: boolean
  /** Name, path or process id of a network namespace. */
  readonly netns: string | undefined
}

/** Policies of the built-in chains, names of the others, and all rules, each with its counters. @throws IptcError */
export function listTable(name: string, { ipv6, netns }: ListOptions): string {
  const namespace = netns !== undefined && /^\d+$/.test(netns) ? Number(netns) : netns
  using table = ipv6 ? new Table6(name, { namespace }) : new Table(name, { namespace })
  const chains = table.chains.map((chain) =>
    chain.isBuiltin() ? `:${chain} ${chain.getPolicy()} [${chain.getCounters().join(':')}]` : `:${chain} - [0:0]`,
  )
  const rules = table.chains.flatMap((chain) =>
    chain.rules.map((rule) => `[${rule.counters.join(':')}] ${`-A ${chain} ${rule}`.trim()}`),
  )
  return `${[...chains, ...rules].join('\n')}\n`
}
