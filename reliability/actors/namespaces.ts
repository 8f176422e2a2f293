/** Opens namespaces and tables in them, by everything that can stand for a namespace. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { NetworkNamespace, Table, Table6 } from '../../src/index'
import { collect, type Holdings, holdings } from './holdings'

/** A namespace that something stands for. */
interface Stand {
  readonly ref: string | number | NetworkNamespace
  /** Does away with what stands for it. */
  end(): void | Promise<void>
}

function ip(...words: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`)
}

const KINDS: readonly ((n: number) => Stand)[] = [
  function handle() {
    const namespace = NetworkNamespace.create()
    return { ref: namespace, end: () => namespace.close() }
  },
  function path() {
    const namespace = NetworkNamespace.create()
    return { ref: namespace.path, end: () => namespace.close() }
  },
  function name(n) {
    ip('netns', 'add', `n${n}`)
    return { ref: `n${n}`, end: () => ip('netns', 'delete', `n${n}`) }
  },
  function process() {
    using namespace = NetworkNamespace.create()
    const child = namespace.run(() => spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }))
    const end = async (): Promise<void> => {
      child.stdin.end()
      await once(child, 'close')
    }
    return { ref: child.pid as number, end }
  },
]

/** @param isForgotten whether what is ours is left to the collection of garbage */
async function useOne(n: number, isForgotten: boolean): Promise<void> {
  const { ref, end } = (KINDS[n % KINDS.length] as (typeof KINDS)[number])(n)
  const tables = [new Table('filter', { namespace: ref }), new Table6('filter', { namespace: ref })]
  for (const table of tables) table.createChain('one')
  await tables[0]?.transactionAsync((table) => table.createChain('two'))
  const opened = ref instanceof NetworkNamespace ? undefined : NetworkNamespace.open(ref)
  using again = new Table('filter', { namespace: opened ?? ref })
  if (!again.isChain('two')) throw new Error(`${String(ref)} leads to another namespace`)
  if (isForgotten && ref instanceof NetworkNamespace) return
  await end()
  if (isForgotten) return
  for (const table of tables) table.close()
  opened?.close()
}

export interface Usage {
  readonly before: Holdings
  readonly most: Holdings
  readonly after: Holdings
}

const larger = (one: Holdings, other: Holdings): Holdings => ({
  descriptors: Math.max(one.descriptors, other.descriptors),
  threads: Math.max(one.threads, other.threads),
  mounts: Math.max(one.mounts, other.mounts),
  isLockFree: one.isLockFree && other.isLockFree,
})

/** Forgotten ones are closed by the collection of garbage, which may take its time. */
async function settled(goal: Holdings): Promise<Holdings> {
  let now = holdings()
  for (let turn = 0; turn < 50 && now.descriptors > goal.descriptors; turn++) {
    await collect()
    now = holdings()
  }
  return now
}

/** @param count how many namespaces; every fourth of each kind is forgotten */
export async function useNamespaces(count: number): Promise<void> {
  // The first of each kind start what stays: the thread pool, the mount of all names.
  for (let n = 0; n < KINDS.length; n++) await useOne(n, false)
  await collect()
  const before = holdings()
  let most = before
  for (let n = 0; n < count; n++) {
    await useOne(n, Math.floor(n / KINDS.length) % 4 === 3)
    if (n % 10 === 9) most = larger(most, holdings())
    if (n % 100 === 99) await settled(before)
  }
  const after = await settled(before)
  using own = new Table('filter')
  if (own.isChain('one')) throw new Error('what was meant for another namespace was done in the own one')
  const usage: Usage = { before, most, after }
  process.stdout.write(JSON.stringify(usage))
}
