/**
 * Requests over netlink: sent, answered, acknowledged. Each operation is written once and runs synchronously
 * or asynchronously.
 */
import { ERRNO, errnoName } from '../abi/errno'
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  nlAlign,
  nlmsghdr,
} from '../abi/netlink'
import { report } from '../diagnostics'
import { ConflictError, IptcError, KernelError, MessageError } from '../errors'
import { type NetlinkConnection, NetlinkFailure, type NetlinkPort } from '../kernel/kernel'
import { type Message, messagesIn, type Request } from './message'
import { Refusal, refusalAtEnd, refusalOf } from './refusal'

/** The result of a request. */
export interface Outcome {
  /** The answers, without the acknowledgement. */
  readonly messages: readonly Message[]
  readonly refusal: Refusal | undefined
}

/** The result of a transaction. If any message was refused, nothing was done. */
export interface TransactionOutcome {
  /** By the index of the message. */
  readonly refused: readonly { readonly index: number; readonly refusal: Refusal }[]
  /** Notifications of what was done, for the messages that asked for them. */
  readonly echoed: readonly { readonly index: number; readonly message: Message }[]
}

/** Yields what is to be sent, and continues when the kernel has handled it. */
type Steps<T> = Generator<Uint8Array, T, void>

/**
 * Limits of what is sent at once, in messages and bytes. Answers wait in the socket buffer, which drops what
 * does not fit; a refusal contains the refused message.
 */
const MAX_MESSAGES = 64
const MAX_BYTES = 0x1_0000

/** How often a dump is restarted after a concurrent change or a full socket buffer. */
const MAX_DUMPS = 16

/** Sets the flags and sequence number in the header of a message. */
export function stamp({ bytes, flags }: Request, more: number, sequence: number): Uint8Array {
  nlmsghdr.fields.nlmsgFlags.write(bytes, 0, flags | NLM_F_REQUEST | more)
  nlmsghdr.fields.nlmsgSeq.write(bytes, 0, sequence)
  return bytes
}

/**
 * A client for one netlink protocol in one network namespace. It opens its socket at the first request and
 * keeps it open.
 */
export class NetlinkClient {
  readonly #port: NetlinkPort
  readonly #protocol: number
  #connection: NetlinkConnection | undefined
  #sequence = 0
  #busy = false
  /** Sockets whose dumps are complete. */
  readonly #idle: DumpSocket[] = []

  constructor(port: NetlinkPort, protocol: number) {
    this.#port = port
    this.#protocol = protocol
  }

  /** Sends one request. @returns its answers. @throws Refusal, MessageError, KernelError */
  request(request: Request): readonly Message[] {
    const [outcome] = this.batch([request])
    if (outcome?.refusal !== undefined) throw outcome.refusal
    return outcome?.messages ?? []
  }

  /**
   * Sends several requests at once. The kernel handles each one even if an earlier one fails.
   * @returns an outcome for each
   * @throws MessageError, KernelError; it is then unknown what was done
   */
  batch(requests: readonly Request[]): Outcome[] {
    const steps = this.#batch(requests)
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value
      try {
        this.#open().send(step.value)
      } catch (error) {
        steps.throw(error)
      }
    }
  }

  /** As {@link batch}, with the kernel's work off the main thread. Only one may run at a time. */
  async batchAsync(requests: readonly Request[]): Promise<Outcome[]> {
    const steps = this.#batch(requests)
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value
      try {
        await this.#open().sendAsync(step.value)
      } catch (error) {
        steps.throw(error)
      }
    }
  }

  /**
   * Reads a dump, on a socket of its own.
   * @returns the messages of one read at a time. A caller that stops early must end the generator (`return`,
   *   `break`).
   * @throws ConflictError if something changed meanwhile, Refusal, MessageError, KernelError
   */
  *dump(request: Request): Generator<readonly Message[], void, void> {
    const watch = new Watch([request])
    let socket: DumpSocket | undefined
    try {
      socket = new DumpSocket(this.#port.netlink(this.#protocol))
      socket.start(request)
      yield* socket.parts(request)
      watch.done()
    } catch (error) {
      throw watch.failed(error)
    } finally {
      socket?.close()
    }
  }

  /**
   * As {@link dump}, for several dumps at once: all are requested before any is read, so that little can
   * change in between. The sockets are kept for later dumps.
   * @returns a generator for each dump. A caller that stops early must end each of them.
   * @throws KernelError
   */
  dumpTogether(requests: readonly Request[]): Generator<readonly Message[], void, void>[] {
    const sockets: DumpSocket[] = []
    try {
      for (const request of requests) sockets.push(this.#started(request))
    } catch (error) {
      for (const socket of sockets) socket.close()
      throw error
    }
    return requests.map((request, i) => {
      const parts = this.#parts(sockets[i] as DumpSocket, request)
      parts.next()
      return parts
    })
  }

  /** A socket on which a dump has been requested. */
  #started(request: Request): DumpSocket {
    const watch = new Watch([request])
    let socket: DumpSocket | undefined
    try {
      socket = this.#idle.pop() ?? new DumpSocket(this.#port.netlink(this.#protocol))
      socket.start(request)
      return socket
    } catch (error) {
      socket?.close()
      throw watch.failed(error)
    }
  }

  *#parts(socket: DumpSocket, request: Request): Generator<readonly Message[], void, void> {
    const watch = new Watch([request])
    try {
      // A generator that has not started would not close its socket when it is ended.
      yield []
      yield* socket.parts(request)
      this.#idle.push(socket)
      watch.done()
    } catch (error) {
      throw watch.failed(error)
    } finally {
      // Unread answers would be taken for part of the next dump.
      if (!this.#idle.includes(socket)) socket.close()
    }
  }

  /** As {@link dump}, complete; restarted if something changes meanwhile. */
  dumpAll(request: Request): Message[] {
    for (let attempt = 1; ; attempt++)
      try {
        return [...this.dump(request)].flat()
      } catch (error) {
        const lost = error instanceof KernelError && error.errno === ERRNO.ENOBUFS
        if (!(error instanceof ConflictError || lost) || attempt === MAX_DUMPS) throw error
        report('retry', { operation: request.name, attempt, reason: (error as Error).message })
      }
  }

  /**
   * Sends messages that take effect together or not at all. The first and the last delimit the batch.
   * @param last request to be acknowledged: its acknowledgement means that all were handled
   * @throws MessageError, KernelError; it is then unknown what was done
   */
  transaction(requests: readonly Request[], last = requests.length - 2): TransactionOutcome {
    const steps = this.#transaction(requests, last)
    const sent = steps.next()
    try {
      this.#open().send(sent.value as Uint8Array)
    } catch (error) {
      steps.throw(error)
    }
    return steps.next().value as TransactionOutcome
  }

  /** As {@link transaction}, with the kernel's work off the main thread. */
  async transactionAsync(requests: readonly Request[], last = requests.length - 2): Promise<TransactionOutcome> {
    const steps = this.#transaction(requests, last)
    const sent = steps.next()
    try {
      await this.#open().sendAsync(sent.value as Uint8Array)
    } catch (error) {
      steps.throw(error)
    }
    return steps.next().value as TransactionOutcome
  }

  *#transaction(requests: readonly Request[], last: number): Generator<Uint8Array, TransactionOutcome, void> {
    if (this.#busy)
      throw new IptcError(
        'XT_BUSY',
        'this handle is busy with another operation: wait for that one, or use a second handle',
      )
    this.#busy = true
    const watch = new Watch(requests)
    try {
      const first = this.#sequence + 1
      this.#sequence += requests.length
      // The kernel reports each refusal, requested or not.
      yield concatenated(requests.map((request, i) => stamp(request, i === last ? NLM_F_ACK : 0, first + i)))
      const outcome = this.#collectAll(requests, first)
      watch.done(outcome.refused.map(({ refusal }) => ({ messages: [], refusal })))
      return outcome
    } catch (error) {
      this.close()
      throw watch.failed(error)
    } finally {
      this.#busy = false
    }
  }

  /** All answers are available once the sent messages have been handled. */
  #collectAll(requests: readonly Request[], first: number): TransactionOutcome {
    const refused: TransactionOutcome['refused'][number][] = []
    const echoed: TransactionOutcome['echoed'][number][] = []
    let isAcknowledged = false
    let lost: unknown
    for (;;) {
      let bytes: Uint8Array | undefined
      try {
        bytes = this.#open().receive(false)
      } catch (error) {
        // If there are too many refusals for the buffer, the first ones are in it.
        if (!(error instanceof NetlinkFailure) || error.errno !== ERRNO.ENOBUFS || lost !== undefined) throw error
        lost = error
        continue
      }
      if (bytes === undefined) break
      for (const message of received(bytes)) {
        const index = checkSequence(message, first, requests.length)
        const request = requests[index] as Request
        const refusal = message.type === NLMSG_ERROR ? refusalOf(request, message) : undefined
        if (message.type !== NLMSG_ERROR) echoed.push({ index, message })
        else if (refusal !== undefined) refused.push({ index, refusal })
        else isAcknowledged = true
      }
    }
    if (refused.length === 0 && lost !== undefined) throw lost
    if (refused.length === 0 && !isAcknowledged)
      throw new KernelError(requests[0]?.name ?? '', ERRNO.EAGAIN, 'EAGAIN', { hint: 'the kernel does not answer' })
    return { refused, echoed }
  }

  /** Where its socket leads, as {@link NetlinkConnection.place}. */
  get place(): unknown {
    return this.#open().place
  }

  /** May be called repeatedly; the next request opens the socket again. */
  close(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#sequence = 0
    for (const socket of this.#idle.splice(0)) socket.close()
  }

  #open(): NetlinkConnection {
    this.#connection ??= this.#port.netlink(this.#protocol)
    return this.#connection
  }

  *#batch(requests: readonly Request[]): Steps<Outcome[]> {
    if (this.#busy)
      throw new IptcError(
        'XT_BUSY',
        'this handle is busy with another operation: wait for that one, or use a second handle',
      )
    this.#busy = true
    const outcomes: Outcome[] = []
    try {
      for (const some of chunks(requests)) outcomes.push(...(yield* this.#exchange(some)))
      return outcomes
    } catch (error) {
      // Answers that are still pending would be taken for those of the next request.
      this.close()
      throw error
    } finally {
      this.#busy = false
    }
  }

  *#exchange(requests: readonly Request[]): Steps<Outcome[]> {
    const watch = new Watch(requests)
    try {
      const first = this.#sequence + 1
      this.#sequence += requests.length
      yield concatenated(requests.map((request, i) => stamp(request, NLM_F_ACK, first + i)))
      const outcomes = this.#collect(requests, first)
      watch.done(outcomes)
      return outcomes
    } catch (error) {
      throw watch.failed(error)
    }
  }

  #collect(requests: readonly Request[], first: number): Outcome[] {
    const outcomes = requests.map(() => ({ messages: [] as Message[], refusal: undefined as Refusal | undefined }))
    for (let open = requests.length; open > 0; )
      for (const message of receive(this.#open(), requests[0] as Request)) {
        const index = checkSequence(message, first, requests.length)
        const outcome = outcomes[index] as (typeof outcomes)[number]
        if (message.type !== NLMSG_ERROR) outcome.messages.push(message)
        else {
          outcome.refusal = refusalOf(requests[index] as Request, message)
          open--
        }
      }
    return outcomes
  }
}

/** A socket for one dump after another. */
class DumpSocket {
  readonly #connection: NetlinkConnection
  #sequence = 0

  constructor(connection: NetlinkConnection) {
    this.#connection = connection
  }

  start(request: Request): void {
    this.#connection.send(stamp(request, NLM_F_DUMP, ++this.#sequence))
  }

  /** @throws ConflictError, Refusal, MessageError, KernelError */
  *parts(request: Request): Generator<readonly Message[], void, void> {
    let interrupted = false
    for (let done = false; !done; ) {
      const parts: Message[] = []
      for (const message of receive(this.#connection, request)) {
        checkSequence(message, this.#sequence, 1)
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          const refusal = (message.type === NLMSG_DONE ? refusalAtEnd : refusalOf)(request, message)
          if (refusal !== undefined) throw refusal
          done = true
        } else parts.push(message)
      }
      if (parts.length > 0) yield parts
    }
    if (interrupted)
      throw new ConflictError(
        'XT_CHANGED_WHILE_READ',
        `${request.name}: another program changed it while it was read: try again`,
      )
  }

  close(): void {
    this.#connection.close()
  }
}

function* chunks(requests: readonly Request[]): Generator<readonly Request[]> {
  let some: Request[] = []
  let size = 0
  for (const request of requests) {
    if (some.length === MAX_MESSAGES || (some.length > 0 && size + request.bytes.length > MAX_BYTES)) {
      yield some
      some = []
      size = 0
    }
    some.push(request)
    size += nlAlign(request.bytes.length)
  }
  if (some.length > 0) yield some
}

function concatenated(messages: readonly Uint8Array[]): Uint8Array {
  if (messages.length === 1) return messages[0] as Uint8Array
  const all = new Uint8Array(messages.reduce((size, { length }) => size + nlAlign(length), 0))
  let at = 0
  for (const message of messages) {
    all.set(message, at)
    at += nlAlign(message.length)
  }
  return all
}

/** The next answers. @throws MessageError, KernelError */
function receive(connection: NetlinkConnection, request: Request): Message[] {
  const bytes = connection.receive(true)
  if (bytes === undefined)
    throw new KernelError(request.name, ERRNO.EAGAIN, 'EAGAIN', { hint: 'the kernel does not answer' })
  return received(bytes)
}

/** @throws MessageError, NetlinkFailure */
export function received(bytes: Uint8Array): Message[] {
  const messages = messagesIn(bytes).filter(({ type }) => type !== NLMSG_NOOP)
  if (messages.some(({ type }) => type === NLMSG_OVERRUN)) throw new NetlinkFailure(ERRNO.ENOBUFS)
  return messages
}

/**
 * The index among `count` requests, starting at sequence number `first`, of the one that a message answers.
 * @throws MessageError
 */
function checkSequence({ sequence, at }: Message, first: number, count: number): number {
  if (sequence >= first && sequence < first + count) return sequence - first
  throw new MessageError(
    at - nlmsghdr.size,
    `an answer to request ${sequence}; sent were ${first} to ${first + count - 1}`,
  )
}

const HINTS: Readonly<Record<number, string>> = {
  [ERRNO.ENOBUFS]: 'the socket had no room for all that the kernel answered: some of it is lost',
  [ERRNO.EMSGSIZE]:
    'the message is too long for the socket: write fewer rules at once. In a user namespace, it can be at most twice as long as net.core.wmem_max',
  [ERRNO.EBADF]: 'the socket is closed',
}

/** Turns the failure of a socket into an error for users. */
export function explainFailure(operation: string, error: unknown): unknown {
  if (!(error instanceof NetlinkFailure)) return error
  return new KernelError(operation, error.errno, errnoName(error.errno), { hint: HINTS[error.errno], cause: error })
}

/** Reports the results of requests to observers. */
class Watch {
  readonly #requests: readonly Request[]
  readonly #start = performance.now()

  constructor(requests: readonly Request[]) {
    this.#requests = requests
  }

  done(outcomes: readonly Outcome[] = []): void {
    this.#report(outcomes.find(({ refusal }) => refusal !== undefined)?.refusal)
  }

  /** @returns the error for users */
  failed(error: unknown): unknown {
    this.#report(error)
    return explainFailure(this.#requests[0]?.name ?? '', error)
  }

  #report(error: unknown): void {
    report('netlink', {
      operation: this.#requests[0]?.name ?? '',
      messages: this.#requests.length,
      bytes: this.#requests.reduce((size, { bytes }) => size + bytes.length, 0),
      durationMs: performance.now() - this.#start,
      error: nameOf(error),
    })
  }
}

function nameOf(error: unknown): string | undefined {
  if (error instanceof Refusal || error instanceof NetlinkFailure) return errnoName(error.errno)
  return error instanceof Error ? error.name : undefined
}
