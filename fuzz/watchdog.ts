/**
 * Ends the process where an input never ends. The main thread tells what it examines; a thread beside it looks whether
 * that changes. Only a thread can: the other has no turn of its event loop while it examines.
 */
import { Worker } from 'node:worker_threads'
import type { Recipe } from './kind'

/** In milliseconds: an input that takes a tenth of it is a fault that is told in the usual way. */
const PATIENCE = 10_000
/** Numbers of a recipe: how many edits there are, item and choice, then three for each edit. */
const HEAD = 3
const SIZE = 64

const THREAD = `
const { workerData: { numbers, patience, kind, head } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
for (let before = -1; ; ) {
  Atomics.wait(numbers, numbers.length - 1, 0, patience)
  const now = Atomics.load(numbers, 0)
  if (now === before) {
    const [, edits, item, choice] = numbers
    const each = Array.from({ length: edits }, (_, i) => [...numbers.slice(head + 3 * i, head + 3 * i + 3)])
    writeSync(2, kind + ': no end after ' + patience + ' ms: --recipe ' + "'" + JSON.stringify({ item, edits: each, choice }) + "'\\n")
    process.kill(process.pid, 'SIGKILL')
  }
  before = now
}
`

export interface Watchdog {
  readonly begin: (recipe: Recipe) => void
  readonly end: () => void
}

export function watchdog(kind: string, patience = PATIENCE): Watchdog {
  const numbers = new Int32Array(new SharedArrayBuffer(4 * SIZE))
  const thread = new Worker(THREAD, { eval: true, workerData: { numbers, patience, kind, head: HEAD + 1 } })
  thread.unref()
  return {
    begin({ item, edits, choice }) {
      numbers.set([edits.length, item, choice, ...edits.flat()], 1)
      Atomics.add(numbers, 0, 1)
    },
    end: () => void thread.terminate(),
  }
}
