/** The processes that the checks start, by name. Each prints what became of it as JSON. */
import { isMainThread, workerData } from 'node:worker_threads'
import { guard } from '../../test/support/guard'
import { editForEver, editOnce } from './editor'
import { endure } from './endurance'
import { useNamespaces } from './namespaces'
import { send } from './sender'
import { write, writeAsSiblings, writeInThreads } from './writer'

const ACTORS: Readonly<Record<string, (...args: string[]) => void | Promise<void>>> = {
  write: (writers, seconds) => write(String(writers), Number(seconds)),
  'write-as-siblings': (writers, seconds) => writeAsSiblings(String(writers), Number(seconds)),
  'write-in-threads': (writers, seconds) => writeInThreads(String(writers), Number(seconds), __filename),
  'edit-for-ever': editForEver,
  'edit-once': (way) => editOnce(String(way)),
  endure: (count) => endure(Number(count)),
  namespaces: (count) => useNamespaces(Number(count)),
  send,
}

guard()
const [name = '', ...args] = isMainThread ? process.argv.slice(2) : (workerData as string[])
const actor = ACTORS[name]
if (actor === undefined) throw new Error(`there is no actor ${name}`)
void actor(...args)
