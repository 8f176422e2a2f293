/** The sets of one place, and how they are asked: each operation is written once, as steps, for this thread and another. */
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
import { type Asked, explainSet } from './refusals'

/**
 * Where sets are.
 * @since 0.1.0
 */
export interface SetPlace {
  /** Network namespace: a name of `ip netns`, a path, a process id, or an open one. The process's own unless said. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** Another kernel than that of Linux, such as a recording. */
  readonly kernel?: NetlinkPort | undefined
}

/**
 * Of calls that can find their work done already.
 * @since 0.1.0
 */
export interface ExistOption {
  /** Whether it is no error where all is as it is to be already, as with `ipset -exist`. */
  readonly exist?: boolean | undefined
}

export const PLACE_OPTIONS = { namespace: aNamespace, kernel: aNetlinkPort }

/** nfgen_family means nothing in these messages; this is what ipset(8) writes. */
const HEAD: NfHead = nfHead(2)

/** Time that is to go by before the next request. */
class Rest {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

/** What becomes of a {@link Rest}. */
const RESTED: Outcome = { messages: [], refusal: undefined }

/** Yields what is to be sent, and is given what became of it. */
export type Steps<T> = Generator<Request | Rest, T, Outcome>

interface Common {
  protocol?: number | undefined
}

export const ask = <V extends Common>(kind: MessageType<NfHead, V>, values: V, flags = 0): Request =>
  request(kind, flags, HEAD, { protocol: IPSET_PROTOCOL, ...values })

/** What is refused, as users see it. */
const explained = (error: unknown, asked: Asked): unknown =>
  error instanceof Refusal ? explainSet(error, asked) : error

/** The sets of one place. */
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

  /** On a socket of its own, as others may use this one meanwhile. */
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

  /** @throws as {@link NetlinkClient.dump}, and what is refused as users see it */
  *dump(request: Request, asked: Asked): Generator<readonly Message[], void, void> {
    try {
      yield* this.#client.dump(request)
    } catch (error) {
      throw explained(error, asked)
    }
  }

  /** Whether both are asked of the same kernel and namespace. */
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

/** How long to attempt again, and how long to rest before that, in milliseconds. */
const PATIENCE_MS = 1000
const MAX_REST_MS = 10

/**
 * As {@link simply}, attempted again where the errno is `busy`: another program reads the set, and will soon be done.
 * Often, as one that reads all the time is in between for short moments only.
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

/** As {@link Sets}, closed where `body` throws. */
export function closing<T>(sets: Sets, body: () => T): T {
  try {
    return body()
  } catch (error) {
    sets.close()
    throw error
  }
}
