/** The user namespace of this process. */
import { readFileSync } from 'node:fs'

/**
 * Whether all user and group ids are mapped, as in the first user namespace. Others may map only some, and rules can only
 * refer to those.
 */
export const mapsAllIds = ['uid_map', 'gid_map'].every((map) =>
  / 4294967295$/m.test(readFileSync(`/proc/self/${map}`, 'utf8')),
)
