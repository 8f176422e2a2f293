/** Network namespaces opened and closed: nothing is left of them. */
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { NetworkNamespace, Table } from '../src'
import { Stage } from './stage'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const descriptors = (): number => readdirSync('/proc/self/fd').length

function useOne(n: number): void {
  const namespace = NetworkNamespace.create()
  const table = new Table('filter', { namespace: n % 2 === 0 ? namespace : namespace.path })
  table.createChain('one')
  // Every fourth is forgotten: the collection of garbage is to close it.
  if (n % 4 === 3) return
  table.close()
  namespace.close()
}

async function settle(goal: number): Promise<void> {
  for (let turn = 0; turn < 200 && descriptors() > goal; turn++) {
    collectGarbage()
    await new Promise((resolve) => void setTimeout(resolve, 10))
  }
}

/** @param count how many namespaces */
export async function namespaces(count: number): Promise<string> {
  using _stage = new Stage()
  useOne(0)
  const before = descriptors()
  let most = 0
  for (let n = 0; n < count; n++) {
    useOne(n)
    most = Math.max(most, descriptors() - before)
    if (n % 100 === 99) await settle(before)
  }
  await settle(before)
  if (descriptors() > before) throw new Error(`${descriptors() - before} descriptors are left`)
  return `${count} namespaces, a quarter of them forgotten: at most ${most} descriptors at a time, none left`
}
