/** Whole messages: their headers, what follows, and how several are packed into one datagram. */
import { nlAlign, nlattr, nlmsghdr } from '../abi/netlink'
import { NFNETLINK_V0, nfgenmsg, nfnlType } from '../abi/nfnetlink'
import type { Codec } from '../binary/codec'
import { Slab } from '../binary/slab'
import { MessageError } from '../errors'
import type { Payload } from './attribute'

/** A kind of message: its own header after netlink's, and its attributes. */
export interface MessageType<H, V> {
  /** As in `IPSET_CMD_ADD`, for people. */
  readonly name: string
  readonly type: number
  readonly head: Codec<H>
  readonly attributes: Payload<V>
}

export type NfHead = { nfgenFamily: number; version: number; resId: number }

/** A message of a netfilter subsystem. */
export const nfMessage = <V>(
  name: string,
  subsystem: number,
  message: number,
  attributes: Payload<V>,
): MessageType<NfHead, V> => ({ name, type: nfnlType(subsystem, message), head: nfgenmsg, attributes })

export const nfHead = (nfgenFamily: number): NfHead => ({ nfgenFamily, version: NFNETLINK_V0, resId: 0 })

/** A message to be sent. It gets its sequence number when it is sent. */
export interface Request {
  readonly name: string
  readonly flags: number
  /** The whole message, including its header. */
  readonly bytes: Uint8Array
  /** As {@link Payload.nameAt} and {@link Payload.nameOf}, with offsets in the message. */
  nameAt(offset: number): string | undefined
  nameOf(nest: number | undefined, type: number): string | undefined
}

/** A received message. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly portId: number
  /** The whole datagram; what follows the message's header begins at `at`. */
  readonly bytes: Uint8Array
  readonly at: number
  readonly end: number
}

/** The longest message that can be made. */
export const MAX_MESSAGE = 0x1_1000

/** Messages are built here, one at a time. */
const scratch = new Uint8Array(MAX_MESSAGE)

/** @param flags in addition to NLM_F_REQUEST. @throws RangeError if a value does not fit its field */
export function request<H, V>(kind: MessageType<H, V>, flags: number, head: H, values: V): Request {
  const start = nlmsghdr.size + nlAlign(kind.head.size)
  kind.head.write(scratch, nlmsghdr.size, head)
  const end = kind.attributes.write(scratch, start, values)
  if (end > MAX_MESSAGE)
    throw new RangeError(`a message of ${end} bytes is too long: at most ${MAX_MESSAGE} can be sent`)
  nlmsghdr.write(scratch, 0, { nlmsgLen: end, nlmsgType: kind.type, nlmsgFlags: flags, nlmsgSeq: 0, nlmsgPid: 0 })
  return new OwnRequest(kind, flags, scratch.slice(0, end))
}

const completedMessages = new Slab()

class OwnRequest<H, V> implements Request {
  readonly name: string
  readonly flags: number
  readonly bytes: Uint8Array
  readonly #kind: MessageType<H, V>

  constructor(kind: MessageType<H, V>, flags: number, bytes: Uint8Array) {
    this.name = kind.name
    this.flags = flags
    this.bytes = bytes
    this.#kind = kind
  }

  get #start(): number {
    return nlmsghdr.size + nlAlign(this.#kind.head.size)
  }

  nameAt(offset: number): string | undefined {
    return this.#kind.attributes.nameAt?.(this.bytes, this.#start, this.bytes.length, offset)
  }

  nameOf(nest: number | undefined, type: number): string | undefined {
    return this.#kind.attributes.nameOf?.(this.bytes, this.#start, this.bytes.length, nest, type)
  }

  /** The same request with `payload` in its last attribute, which is empty so far. */
  completed(payload: Uint8Array): Request {
    const last = this.bytes.length
    const length = last + nlAlign(payload.length)
    if (length > MAX_MESSAGE)
      throw new RangeError(`a message of ${length} bytes is too long: at most ${MAX_MESSAGE} can be sent`)
    const bytes = completedMessages.take(length)
    bytes.set(this.bytes)
    bytes.set(payload, last)
    nlmsghdr.fields.nlmsgLen.write(bytes, 0, bytes.length)
    nlattr.fields.nlaLen.write(bytes, last - nlattr.size, nlattr.size + payload.length)
    return new OwnRequest(this.#kind, this.flags, bytes)
  }
}

/** A request of which many are sent that differ only in the last attribute. */
export interface RequestTemplate {
  /** @throws RangeError if it does not fit into a message */
  completed(payload: Uint8Array): Request
}

/** As {@link request}, with the last attribute of `values` left empty: each request fills it in. */
export const requestTemplate = <H, V>(kind: MessageType<H, V>, flags: number, head: H, values: V): RequestTemplate =>
  request(kind, flags, head, values) as OwnRequest<H, V>

/** The messages in a datagram. @throws MessageError if one is incomplete */
export function messagesIn(bytes: Uint8Array): Message[] {
  const messages: Message[] = []
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.length - at
    if (rest < nlmsghdr.size) throw new MessageError(at, `${rest} bytes are too few for a message`)
    const { nlmsgLen, nlmsgType, nlmsgFlags, nlmsgSeq, nlmsgPid } = nlmsghdr.read(bytes, at)
    if (nlmsgLen < nlmsghdr.size || nlmsgLen > rest)
      throw new MessageError(at, `a message of ${nlmsgLen} bytes, but only ${rest} are left`)
    messages.push({
      type: nlmsgType,
      flags: nlmsgFlags,
      sequence: nlmsgSeq,
      portId: nlmsgPid,
      bytes,
      at: at + nlmsghdr.size,
      end: at + nlmsgLen,
    })
    at += nlAlign(nlmsgLen)
  }
  return messages
}

/** @throws MessageError for a message of another kind, or a malformed one */
export function readMessage<H, V>(kind: MessageType<H, V>, message: Message): { head: H; values: V } {
  const { type, bytes, at, end } = message
  if (type !== kind.type) throw new MessageError(at - nlmsghdr.size, `type ${type} where ${kind.name} was expected`)
  const start = at + nlAlign(kind.head.size)
  if (start > end) throw new MessageError(at, `${end - at} bytes are too few for the head of ${kind.name}`)
  return { head: kind.head.read(bytes, at), values: kind.attributes.read(bytes, start, end) }
}
