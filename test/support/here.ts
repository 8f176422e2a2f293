/** Which rule lines the running kernel supports. The kernel is asked each time. */
import { existsSync, readFileSync } from 'node:fs'
import { findExtension } from '../../src/extensions/registry'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { type Case, cases } from './cases'

/** Whether every id of a user and group means somebody: a user namespace may map few, and rules may name those alone. */
export const mapsAllIds = ['uid_map', 'gid_map'].every((map) =>
  / 4294967295$/m.test(readFileSync(`/proc/self/${map}`, 'utf8')),
)

/** Whether the kernel answers for an extension and takes its lines. Only what is marked may be absent. */
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
