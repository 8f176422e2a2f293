/** Network namespaces opened and closed: nothing is left of them. */
import type { Usage } from './actors/namespaces'
import { resultOf, Stage } from './stage'

/** Names of namespaces are mounts below /run/netns: ours are nobody else's. */
const OWN_RUN = 'mount -t tmpfs none /run && exec "$@"'

/** @param count how many namespaces */
export async function namespaces(count: number): Promise<string> {
  using stage = new Stage()
  const front = ['unshare', '--mount', 'bash', '-c', OWN_RUN, 'bash']
  const { before, most, after } = resultOf<Usage>(await stage.runActorBehind(front, 'namespaces', String(count)))
  for (const name of ['descriptors', 'threads', 'mounts'] as const)
    if (after[name] > before[name]) throw new Error(`${after[name] - before[name]} ${name} are left`)
  if (!after.isLockFree) throw new Error('the lock is still held')
  return (
    `${count} namespaces by handle, path, name and process, a quarter of them forgotten: at most ` +
    `${most.descriptors - before.descriptors} descriptors more at a time; at the end ${after.descriptors} descriptors, ` +
    `${after.threads} threads and ${after.mounts} mounts, as before`
  )
}
