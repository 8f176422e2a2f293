/** A kernel that answers netlink messages as the test specifies. */
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR, nlmsghdr } from '../../src/abi/netlink'
import { s32, u8, u32 } from '../../src/binary/codec'
import { type NetlinkConnection, NetlinkFailure, type NetlinkPort } from '../../src/kernel/kernel'
import { attribute, attributes, fixed, list, nulString } from '../../src/netlink/attribute'
import { type Message, messagesIn, nfHead, nfMessage, type Request, request } from '../../src/netlink/message'

const shape = attributes({
  number: attribute(1, fixed(u32)),
  text: attribute(2, nulString),
  inner: attribute(3, attributes({ byte: attribute(1, fixed(u8)), other: attribute(2, fixed(u8)) })),
  items: attribute(4, list(1, attributes({ byte: attribute(1, fixed(u8)) }))),
})
export const kind = nfMessage('TEST', 6, 1, shape)

export const asking = (values: Parameters<typeof shape.write>[2] = {}, flags = 0): Request =>
  request(kind, flags, nfHead(0), values)

/** One datagram, an errno, or no answer. */
export type Answer = Uint8Array | number | undefined

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** A message of this type and sequence number with these bytes after its head, padded. */
export function packet(nlmsgType: number, nlmsgSeq: number, payload: Uint8Array, nlmsgFlags = 0): Uint8Array {
  const head = new Uint8Array(nlmsghdr.size)
  nlmsghdr.write(head, 0, { nlmsgLen: 16 + payload.length, nlmsgType, nlmsgFlags, nlmsgSeq, nlmsgPid: 1 })
  return joined(head, payload, new Uint8Array(-payload.length & 3))
}

const int = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  s32.write(bytes, 0, value)
  return bytes
}

/** An acknowledgement, or an error with the request that it refers to, as Linux sends it. `more` are its attributes. */
export function ack({ sequence, bytes, at, end }: Message, errno = 0, more?: Uint8Array): Uint8Array {
  const head = bytes.slice(at - nlmsghdr.size, errno === 0 ? at : end)
  const flags = (errno === 0 ? NLM_F_CAPPED : 0) | (more === undefined ? 0 : NLM_F_ACK_TLVS)
  return packet(NLMSG_ERROR, sequence, joined(int(-errno), head, more ?? new Uint8Array()), flags)
}

export const done = (sequence: number, errno = 0): Uint8Array => packet(NLMSG_DONE, sequence, int(-errno), NLM_F_MULTI)

/** A message of {@link kind}. */
export function part(sequence: number, values: Parameters<typeof shape.write>[2] = {}, flags = 0): Uint8Array {
  const { bytes } = asking(values)
  return packet(kind.type, sequence, bytes.slice(nlmsghdr.size), flags)
}

/** The same port, with a hook that may replace the sending of messages. */
export function meddled(
  port: NetlinkPort,
  { refuse, after }: { refuse?: (message: Message) => number; after?: (message: Message) => void },
): NetlinkPort {
  return {
    description: 'a port that is meddled with',
    netlink(protocol) {
      const connection = port.netlink(protocol)
      const refused: Uint8Array[] = []
      return {
        place: connection.place,
        send(bytes) {
          const [message] = messagesIn(bytes) as [Message]
          const errno = refuse?.(message) ?? 0
          if (errno === 0) connection.send(bytes)
          else refused.push(ack(message, errno))
          after?.(message)
        },
        sendAsync: (bytes) => connection.sendAsync(bytes),
        receive: (wait) => refused.shift() ?? connection.receive(wait),
        join: (group) => connection.join(group),
        close: () => connection.close(),
      }
    },
  }
}

export class ScriptedPort implements NetlinkPort {
  readonly description = 'a script'
  readonly sent: Message[][] = []
  readonly joined: number[] = []
  opened = 0
  closed = 0
  /** The answers to messages that are sent together. */
  answer: (messages: Message[], socket: number) => Answer[]

  constructor(answer: ScriptedPort['answer'] = (messages) => messages.map((message) => ack(message))) {
    this.answer = answer
  }

  netlink(): NetlinkConnection {
    const socket = ++this.opened
    const queue: Answer[] = []
    const send = (bytes: Uint8Array): void => {
      const messages = messagesIn(bytes.slice())
      this.sent.push(messages)
      queue.push(...this.answer(messages, socket))
    }
    return {
      send,
      sendAsync: async (bytes) => send(bytes),
      receive() {
        const next = queue.shift()
        if (typeof next === 'number') throw new NetlinkFailure(next)
        return next
      },
      join: (group) => void this.joined.push(group),
      close: () => void this.closed++,
    }
  }
}
