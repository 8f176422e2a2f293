/** Helpers of live tests: memory and descriptors of this process, and other processes. */
import type { ChildProcess, SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { runScript as run } from '../support/run-script'
import { comesTrue } from '../support/until'
import { mapsAllIds } from '../support/user-namespace'

/**
 * How many rules the tools of nf_tables can send in one message. Only the root of the first user namespace may enlarge the
 * buffer of a socket.
 */
export const RULES_AT_ONCE = mapsAllIds ? 20_000 : 500

export const ownNamespace = (): string => readlinkSync('/proc/thread-self/ns/net')

const fileBehind = (descriptor: string): string | undefined => {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    // The one by which the directory was read is closed by now.
    return undefined
  }
}

/** The open descriptors of this process, each with its file: `21 socket:[4711]`. */
export function openDescriptors(): ReadonlySet<string> {
  const all = readdirSync('/proc/self/fd').map((descriptor) => [descriptor, fileBehind(descriptor)])
  return new Set(all.filter(([, file]) => file !== undefined).map((one) => one.join(' ')))
}

/**
 * The descriptors that were opened since, and are still open. Their number alone would not do: what another test file left
 * open in this process is closed at any time, when it is collected.
 */
export const openedSince = (before: ReadonlySet<string>): string[] =>
  [...openDescriptors()].filter((one) => !before.has(one))

setFlagsFromString('--expose-gc')
export const collectGarbage: () => void = runInNewContext('gc')

/** Collects garbage until a condition holds: finalizers run in turns of the event loop after a collection. */
export const settle = (condition: () => boolean): Promise<boolean> =>
  comesTrue(() => {
    collectGarbage()
    return condition()
  }, 10_000)

/** Records for how many milliseconds this thread is asked to block, each time, until mocks are restored. */
export function recordBlocking(): number[] {
  const asked: number[] = []
  const wait = Atomics.wait as (...args: unknown[]) => 'timed-out'
  jest.spyOn(Atomics, 'wait').mockImplementation((...args: unknown[]) => {
    asked.push(args[3] as number)
    return wait.apply(Atomics, args)
  })
  return asked
}

/** Calls `body`, and counts the turns of the event loop until it ends. There is none if it blocks. */
export async function countingTurns<T>(
  body: () => Promise<T>,
): Promise<{ readonly result: T; readonly turns: number }> {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  try {
    return { result: await body(), turns }
  } finally {
    clearInterval(timer)
  }
}

/** A function that drops all capabilities of the current thread. */
const PRELUDE = `
const { call } = require('./src/kernel/linux/ffi')
const dropCapabilities = () => {
  const version3 = Uint8Array.of(0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0)
  const capset = { name: 'capset', params: ['buffer', 'buffer'], returns: 'int' }
  if (call(capset, version3, new Uint8Array(24)).value !== 0) throw new Error('capset')
}
`

/** As {@link run}, with `dropCapabilities` in the script. */
export const runScript = (script: string, front?: readonly string[]): SpawnSyncReturns<string> =>
  run(PRELUDE + script, front)

/**
 * Evaluates `open` 20 times without keeping its result. This takes a process of its own: Node 20 runs no finalizers any
 * more after a registry was collected that still had some to run, as may happen to those of an earlier test file.
 * @param prepare is evaluated before
 * @returns how many descriptors it opened, and how many of them were not closed after garbage was collected
 */
export function forgotten(prepare: string, open: string): { opened: number; left: number } {
  const { stdout, stderr } = runScript(`
    const { openDescriptors, openedSince, settle } = require('./test/live/machine')
    ${prepare}
    const before = openDescriptors()
    for (let i = 0; i < 20; i++) ${open}
    const opened = openedSince(before).length
    settle(() => openedSince(before).length === 0)
      .then(() => console.log(JSON.stringify({ opened, left: openedSince(before).length })))
  `)
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}

/** The lines of an output, without empty ones. */
export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/** The output of a command, and its exit status. */
export interface Ended {
  readonly status: unknown
  readonly out: string
  readonly complaint: string
}

/** @param act is called while the command runs, with a function that returns the output so far */
export async function ended(child: ChildProcess, act: (printed: () => string) => unknown = () => {}): Promise<Ended> {
  let [out, complaint] = ['', '']
  child.stdout?.on('data', (text) => {
    out += text
  })
  child.stderr?.on('data', (text) => {
    complaint += text
  })
  const closed = once(child, 'close')
  await act(() => out)
  const [status] = await closed
  return { status, out, complaint }
}
