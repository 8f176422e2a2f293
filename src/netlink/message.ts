/** Whole messages: their heads, what follows these, and how many lie behind each other in what is sent or received at once. */
import { nlAlign, nlattr, nlmsghdr } from '../abi/netlink'
import { NFNETLINK_V0, nfgenmsg, nfnlType } from '../abi/nfnetlink'
import type { Codec } from '../binary/codec'
import { Slab } from '../binary/slab'
import { MessageError } from '../errors'
import type { Payload } from './attribute'

/** A kind of message: a head of its own behind that of netlink, and attributes. */
export interface MessageType<H, V> {
  /** As in `IPSET_CMD_ADD`, for people. */
  readonly name: string
  readonly type: number
  readonly head: Codec<H>
  readonly attributes: Payload<V>
}

export type NfHead = { nfgenFamily: number; version: number; resId: number }

/** A message of one of netfilter's subsystems. */
export const nfMessage = <V>(
  name: string,
  subsystem: number,
  message: number,
  attributes: Payload<V>,
): MessageType<NfHead, V> => ({ name, type: nfnlType(subsystem, message), head: nfgenmsg, attributes })

export const nfHead = (nfgenFamily: number): NfHead => ({ nfgenFamily, version: NFNETLINK_V0, resId: 0 })

/** A message to be sent. Its number is given to it when it is. */
export interface Request {
  readonly name: string
  readonly flags: number
  /** The whole message, its head included. */
  readonly bytes: Uint8Array
  /** As {@link Payload.nameAt} and {@link Payload.nameOf}, by offsets in the message. */
  nameAt(offset: number): string | undefined
  nameOf(nest: number | undefined, type: number): string | undefined
}

/** One that was received. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly portId: number
  /** What was received at once; what follows the message's head begins at `at`. */
  readonly bytes: Uint8Array
  readonly at: number
  readonly end: number
}

/** The longest message that is made here. */
export const MAX_MESSAGE = 0x1_1000

/** Messages are made here, one after the other. */
const scratch = new Uint8Array(MAX_MESSAGE)

/** @param flags beside NLM_F_REQUEST. @throws RangeError for what does not fit where it is to stand */
export function request<H, V>(kind: MessageType<H, V>, flags: number, head: H, values: V): Request {
  const start = nlmsghdr.size + nlAlign(kind.head.size)
  kind.head.write(scratch, nlmsghdr.size, head)
  const end = kind.attributes.write(scratch, start, values)
  if (end > MAX_MESSAGE) throw new RangeError(`a message of ${end} bytes; ${MAX_MESSAGE} at most can be sent`)
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

  /** The same with `payload` in its last attribute, which has none yet. */
  completed(payload: Uint8Array): Request {
    const last = this.bytes.length
    const length = last + nlAlign(payload.length)
    if (length > MAX_MESSAGE) throw new RangeError(`a message of ${length} bytes; ${MAX_MESSAGE} at most can be sent`)
    const bytes = completedMessages.take(length)
    bytes.set(this.bytes)
    bytes.set(payload, last)
    nlmsghdr.fields.nlmsgLen.write(bytes, 0, bytes.length)
    nlattr.fields.nlaLen.write(bytes, last - nlattr.size, nlattr.size + payload.length)
    return new OwnRequest(this.#kind, this.flags, bytes)
  }
}

/** A request of which many are alike but for what is in the last attribute. */
export interface RequestTemplate {
  /** @throws RangeError for more than fits into a message */
  completed(payload: Uint8Array): Request
}

/** As {@link request}, with the last attribute of `values` empty: what is in it is said of each request. */
export const requestTemplate = <H, V>(kind: MessageType<H, V>, flags: number, head: H, values: V): RequestTemplate =>
  request(kind, flags, head, values) as OwnRequest<H, V>

/** The messages in what was received at once. @throws MessageError where they are not whole */
export function messagesIn(bytes: Uint8Array): Message[] {
  const messages: Message[] = []
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.length - at
    if (rest < nlmsghdr.size) throw new MessageError(at, `${rest} bytes are too few for a message`)
    const { nlmsgLen, nlmsgType, nlmsgFlags, nlmsgSeq, nlmsgPid } = nlmsghdr.read(bytes, at)
    if (nlmsgLen < nlmsghdr.size || nlmsgLen > rest)
      throw new MessageError(at, `a message of ${nlmsgLen} bytes, of which ${rest} are there`)
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

/** @throws MessageError for a message of another kind, and for one that is damaged */
export function readMessage<H, V>(kind: MessageType<H, V>, message: Message): { head: H; values: V } {
  const { type, bytes, at, end } = message
  if (type !== kind.type) throw new MessageError(at - nlmsghdr.size, `type ${type} where ${kind.name} was expected`)
  const start = at + nlAlign(kind.head.size)
  if (start > end) throw new MessageError(at, `${end - at} bytes are too few for the head of ${kind.name}`)
  return { head: kind.head.read(bytes, at), values: kind.attributes.read(bytes, start, end) }
}
