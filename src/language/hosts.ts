/**
 * Names of hosts, as the system knows them: from /etc/hosts, DNS and whatever else nsswitch.conf(5) says.
 *
 * Node has getaddrinfo(3) and getnameinfo(3), but only for those who do not wait; whoever reads or prints rules must. So a
 * thread asks, and this one waits for it. No program is run.
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import type { FamilyName } from '../abi/family'

/** How long to wait for the next answer, in milliseconds. */
const PATIENCE = 15_000

const FAMILY_NUMBERS = { ipv4: 4, ipv6: 6 } as const

/** The addresses of a host, as text, in the order of the system; none where nobody knows it, or nobody answers. */
export function hostAddresses(name: string, family: FamilyName, patience = PATIENCE): readonly string[] {
  const [addresses = []] = ask([name], FAMILY_NUMBERS[family], patience)
  return addresses
}

/** The names of those addresses that have one. Whoever has not answered in time counts as having none. */
export function hostNames(addresses: readonly string[], patience = PATIENCE): Map<string, string> {
  const answers = ask(addresses, undefined, patience)
  return new Map(addresses.flatMap((address, i) => (answers[i] ?? []).map((name) => [address, name] as const)))
}

interface Questions {
  /** Names where `family` is given, otherwise addresses. */
  readonly asked: readonly string[]
  readonly family: 4 | 6 | undefined
  /** Where answers go, each with the position of its question. */
  readonly port: MessagePort
  /** How many answers have been sent. */
  readonly count: Int32Array
}

type Answer = readonly [position: number, answer: readonly string[]]

/** The whole program of the thread: its text is handed over, so that nothing around it can be used. */
function answer(): void {
  const { lookup, lookupService } = require('node:dns') as typeof import('node:dns')
  const { parentPort } = require('node:worker_threads') as typeof import('node:worker_threads')
  parentPort?.on('message', ({ asked, family, port, count }: Questions) => {
    asked.forEach((word, i) => {
      const send = (found: readonly string[]): void => {
        port.postMessage([i, found])
        Atomics.add(count, 0, 1)
        Atomics.notify(count, 0)
      }
      if (family === undefined) lookupService(word, 0, (error, name) => send(error ? [] : [name]))
      else lookup(word, { family, all: true }, (error, found) => send(error ? [] : found.map(({ address }) => address)))
    })
  })
}

/** Not loaded where there is no need, as it takes long. */
const workers = () => require('node:worker_threads') as typeof import('node:worker_threads')

let thread: Worker | undefined

/** It serves until the event loop turns: many questions in a row need one thread, and none is left behind. */
function openThread(): Worker {
  if (thread !== undefined) return thread
  const opened = new (workers().Worker)(`(${answer})()`, { eval: true, execArgv: [] })
  // One that could not start answers nothing.
  opened.on('error', () => {})
  opened.unref()
  setImmediate(() => {
    thread = undefined
    void opened.terminate()
  })
  thread = opened
  return opened
}

/** @returns the answers by the position of their question; a position is empty where none came in time */
function ask(asked: readonly string[], family: 4 | 6 | undefined, patience: number): (readonly string[])[] {
  const { MessageChannel, receiveMessageOnPort } = workers()
  const { port1: ours, port2: port } = new MessageChannel()
  const count = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  openThread().postMessage({ asked, family, port, count } satisfies Questions, [port])
  for (let known = 0; known < asked.length; known = Atomics.load(count, 0))
    if (Atomics.wait(count, 0, known, patience) === 'timed-out') break
  const answers: (readonly string[])[] = []
  for (let next = receiveMessageOnPort(ours); next !== undefined; next = receiveMessageOnPort(ours)) {
    const [position, found] = next.message as Answer
    answers[position] = found
  }
  ours.close()
  return answers
}
