/**
 * Host names, resolved by the system: /etc/hosts, DNS, and the other sources of nsswitch.conf(5).
 *
 * Node offers getaddrinfo(3) and getnameinfo(3) only asynchronously, but parsing and printing rules is synchronous. So
 * a worker thread asks, and this one waits. No program is run.
 */
import type { MessagePort, Worker } from 'node:worker_threads'
import type { FamilyName } from '../abi/family'

/** How long to wait for the next answer, in milliseconds. */
const PATIENCE = 15_000

const FAMILY_NUMBERS = { ipv4: 4, ipv6: 6 } as const

/** The addresses of a host as text, in the system's order; empty if the name is unknown or no answer arrives. */
export function hostAddresses(name: string, family: FamilyName, patience = PATIENCE): readonly string[] {
  const [addresses = []] = ask([name], FAMILY_NUMBERS[family], patience)
  return addresses
}

/** The names of the addresses that have one. An address without an answer in time has none. */
export function hostNames(addresses: readonly string[], patience = PATIENCE): Map<string, string> {
  const answers = ask(addresses, undefined, patience)
  return new Map(addresses.flatMap((address, i) => (answers[i] ?? []).map((name) => [address, name] as const)))
}

interface Questions {
  /** Names if `family` is given, otherwise addresses. */
  readonly asked: readonly string[]
  readonly family: 4 | 6 | undefined
  /** Receives the answers, each with the index of its question. */
  readonly port: MessagePort
  /** Number of answers sent. */
  readonly count: Int32Array
}

type Answer = readonly [position: number, answer: readonly string[]]

/** The whole program of the thread. It is passed as text, so it cannot use anything outside. */
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

/** Loaded on demand, because it takes long. */
const workers = () => require('node:worker_threads') as typeof import('node:worker_threads')

let thread: Worker | undefined

/** The thread serves until the event loop turns: many questions in a row share one thread, and none is left behind. */
function openThread(): Worker {
  if (thread !== undefined) return thread
  const opened = new (workers().Worker)(`(${answer})()`, { eval: true, execArgv: [] })
  // A thread that failed to start answers nothing.
  opened.on('error', () => {})
  opened.unref()
  setImmediate(() => {
    thread = undefined
    void opened.terminate()
  })
  thread = opened
  return opened
}

/** @returns the answers by the index of their question; missing if none arrived in time */
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
