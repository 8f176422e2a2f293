/** Sends requests about sets. Operations are generators of requests, written once for synchronous and asynchronous use. */
import { setTimeout as sleep } from 'node:timers/promises'
import { IPSET_PROTOCOL } from '../abi/ip-set'
import { NETLINK_NETFILTER } from '../abi/netlink'
import { checkOptions } from '../check-options'
import { report } from '../diagnostics'
import { IptcError } from '../errors'
import { aNetlinkPort, type NetlinkPort } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { NetlinkClient, type Outcome } from '../netlink/client'
import { type Message, type MessageType, type NfHead, nfHead, type Request, request } from '../netlink/message'
import { Refusal } from '../netlink/refusal'
import { type Asked, explainSet } from './explain-refusal'

/**
 * Where the sets are.
 * @since 0.1.0
 */
export interface SetPlace {
  /** Network namespace: a name of `ip netns`, a path, a process id, or an open one. Default: that of the process. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** A kernel to use instead of Linux, such as a `MemoryKernel` or a recording. */
  readonly kernel?: NetlinkPort | undefined
}

/**
 * An option of calls whose result may exist already.
 * @since 0.1.0
 */
export interface ExistOption {
  /** Do not fail if there is nothing left to do, like `ipset -exist`: what is added exists already, or what is removed does not exist. */
  readonly exist?: boolean | undefined
}

export const PLACE_OPTIONS = { namespace: aNamespace, kernel: aNetlinkPort }

/** The kernel ignores nfgen_family in these messages; ipset(8) sends AF_INET. */
const HEAD: NfHead = nfHead(2)

/** A pause before the next request. */
class Rest {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

/** The outcome of a {@link Rest}. */
const RESTED: Outcome = { messages: [], refusal: undefined }

/** An operation: it yields each request, and receives its outcome. */
export type Steps<T> = Generator<Request | Rest, T, Outcome>

interface Common {
  protocol?: number | undefined
}

export const ask = <V extends Common>(kind: MessageType<NfHead, V>, values: V, flags = 0): Request =>
  request(kind, flags, HEAD, { protocol: IPSET_PROTOCOL, ...values })

/** Converts a refusal to the error that users get; returns other errors as they are. */
const explained = (error: unknown, asked: Asked): unknown =>
  error instanceof Refusal ? explainSet(error, asked) : error

/** The sets of one kernel and network namespace. */
export class Sets {
  readonly #port: NetlinkPort
  readonly #client: NetlinkClient

  constructor(place: SetPlace) {
    checkOptions(place, PLACE_OPTIONS)
    const { namespace, kernel } = place
    if (kernel !== undefined && namespace !== undefined)
      throw new IptcError('XT_BAD_OPTION', 'kernel and namespace exclude each other: a kernel has its own namespace')
    this.#port = kernel ?? new LinuxKernel({ namespace })
    this.#client = new NetlinkClient(this.#port, NETLINK_NETFILTER)
  }

  perform<T>(steps: Steps<T>): T {
    let step = steps.next()
    while (!step.done) step = this.#next(steps, step.value)
    return step.value
  }

  /** Uses a separate socket, because other calls may use this one at the same time. */
  async performAsync<T>(steps: Steps<T>): Promise<T> {
    const client = new NetlinkClient(this.#port, NETLINK_NETFILTER)
    try {
      let step = steps.next()
      while (!step.done)
        step = await outcomeAsync(client, step.value).then(
          (outcome) => steps.next(outcome),
          (error) => steps.throw(error),
        )
      return step.value
    } finally {
      client.close()
    }
  }

  #next<T>(steps: Steps<T>, asked: Request | Rest): IteratorResult<Request | Rest, T> {
    let outcome: Outcome
    try {
      outcome = outcomeOf(this.#client, asked)
    } catch (error) {
      return steps.throw(error)
    }
    return steps.next(outcome)
  }

  /** @throws as {@link NetlinkClient.dump}, with refusals converted to the errors that users get */
  *dump(request: Request, asked: Asked): Generator<readonly Message[], void, void> {
    try {
      yield* this.#client.dump(request)
    } catch (error) {
      throw explained(error, asked)
    }
  }

  /** Whether both use the same kernel and namespace. */
  isWith(other: Sets): boolean {
    return this.#client.place === other.#client.place
  }

  dumpAll(request: Request, asked: Asked): Message[] {
    try {
      return this.#client.dumpAll(request)
    } catch (error) {
      throw explained(error, asked)
    }
  }

  close(): void {
    this.#client.close()
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

function outcomeOf(client: NetlinkClient, asked: Request | Rest): Outcome {
  if (!(asked instanceof Rest)) return client.batch([asked])[0] as Outcome
  Atomics.wait(sleeper, 0, 0, asked.ms)
  return RESTED
}

async function outcomeAsync(client: NetlinkClient, asked: Request | Rest): Promise<Outcome> {
  if (!(asked instanceof Rest)) return (await client.batchAsync([asked]))[0] as Outcome
  await sleep(asked.ms)
  return RESTED
}

/** Sends one request. @returns its answers */
export function* simply(request: Request, asked: Asked): Steps<readonly Message[]> {
  const { messages, refusal } = yield request
  if (refusal !== undefined) throw explainSet(refusal, asked)
  return messages
}

/** How long to retry, and the longest pause between two attempts, in milliseconds. */
const PATIENCE_MS = 1000
const MAX_REST_MS = 10

/**
 * As {@link simply}, but retries while the errno is `busy`: another program is reading the set, and will soon be done.
 * The pauses are short, because a program that reads continuously leaves only short gaps.
 */
export function* patiently(request: Request, asked: Asked, busy: number): Steps<void> {
  const end = performance.now() + PATIENCE_MS
  for (let attempt = 1; performance.now() < end; attempt++) {
    const { refusal } = yield request
    if (refusal === undefined) return
    const error = explainSet(refusal, asked)
    if (refusal.errno !== busy) throw error
    report('retry', { operation: request.name, attempt, reason: error.message })
    yield new Rest(Math.min(attempt, MAX_REST_MS))
  }
  yield* simply(request, asked)
}

/** Runs `body`, and closes `sets` if it throws. */
export function closing<T>(sets: Sets, body: () => T): T {
  try {
    return body()
  } catch (error) {
    sets.close()
    throw error
  }
}
