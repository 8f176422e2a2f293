/** Which rule lines the running kernel supports. The kernel is queried each time. */
import { existsSync } from 'node:fs'
import { findExtension } from '../../src/extensions/registry'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { type Case, cases } from './cases'
import { mapsAllIds } from './user-namespace'

/** Whether the kernel supports an extension and its lines. Only marked groups may be unsupported. */
function isHere({ extension, family, lacking, ids, needs }: Case): boolean {
  if (ids === true && !mapsAllIds) return false
  if (needs !== undefined && !existsSync(needs)) return false
  if (lacking !== true) return true
  const kind = findExtension('match', extension)?.name === extension ? 'match' : 'target'
  const variants = findExtension(kind, extension)?.variants(family.name) ?? []
  const client = new Client(new LinuxKernel(), family)
  try {
    return variants.some(({ revision }) => client.hasRevision(kind, extension, revision))
  } finally {
    client.close()
  }
}

export const liveCases: readonly Case[] = cases.filter(isHere)
export const absentCases: readonly Case[] = cases.filter((one) => !liveCases.includes(one))

/**
 * The groups as few large ones: those that need no setup share a table. Comparing whole tables takes a small part of the
 * processes that comparing each group takes.
 */
export function sharedTables(): Case[] {
  const shared = new Map<string, Case>()
  for (const one of liveCases.filter(({ accepted }) => accepted.length > 0)) {
    const name = one.setup.length > 0 ? one.name : 'without setup'
    const key = `${one.family.name} ${one.table} ${name}`
    const accepted = [...(shared.get(key)?.accepted ?? []), ...one.accepted]
    shared.set(key, { ...one, name, accepted })
  }
  return [...shared.values()]
}
