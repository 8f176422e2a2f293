/** nf_tables messages and the answers of a kernel, in a form in which kernels can be compared. */
import { NETLINK_NETFILTER, NLMSG_DONE, NLMSG_ERROR, nlAlign, nlmsghdr } from '../../src/abi/netlink'
import { s32 } from '../../src/binary/codec'
import type { NetlinkConnection, NetlinkPort } from '../../src/kernel/kernel'
import { type Message, messagesIn, type Request, readMessage } from '../../src/netlink/message'
import { expressionList } from '../../src/nft/expressions'
import { messages } from '../../src/nft/messages'

/** The index of the request, and its answer: the errno, 0 for success, or the contents of a message. */
export type NftAnswer = readonly [index: number, kind: string, flags: number, what: string]

const KINDS = Object.values(messages)

/** Values as JSON, with bytes in hexadecimal. NLA_F_NESTED is ignored, because Linux does not set it. */
export const shownValues = (values: unknown): string =>
  JSON.stringify(values, (_, value) => {
    if (typeof value === 'bigint') return `${value}n`
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
    if (isEncoded(value)) return Buffer.from(value.bytes.subarray(value.at, value.end)).toString('hex')
    return value
  })

const isEncoded = (value: unknown): value is { bytes: Uint8Array; at: number; end: number } =>
  typeof value === 'object' && value !== null && 'bytes' in value && 'at' in value && 'end' in value

export class NftAsked {
  readonly #connection: NetlinkConnection
  #sequence = 0

  constructor(port: NetlinkPort) {
    this.#connection = port.netlink(NETLINK_NETFILTER)
  }

  close(): void {
    this.#connection.close()
  }

  /** Sends requests together, each with its own flags. */
  ask(requests: readonly Request[]): NftAnswer[] {
    const first = this.#sequence + 1
    this.#sequence += requests.length
    const stamped = requests.map(({ bytes, flags }, i) => {
      const copy = new Uint8Array(nlAlign(bytes.length))
      copy.set(bytes)
      nlmsghdr.fields.nlmsgFlags.write(copy, 0, flags | 1)
      nlmsghdr.fields.nlmsgSeq.write(copy, 0, first + i)
      return copy
    })
    this.#connection.send(Buffer.concat(stamped))
    const answers: NftAnswer[] = []
    for (let bytes = this.#connection.receive(false); bytes !== undefined; bytes = this.#connection.receive(false))
      for (const message of messagesIn(bytes)) answers.push(answerOf(message, first))
    return answers
  }
}

function answerOf(message: Message, first: number): NftAnswer {
  const { type, flags, sequence, bytes, at, end } = message
  const index = sequence - first
  // How much of the request is returned is up to the kernel.
  if (type === NLMSG_ERROR) return [index, 'error', 0, String(-s32.read(bytes, at))]
  if (type === NLMSG_DONE) return [index, 'done', 0, String(at === end ? 0 : -s32.read(bytes, at))]
  const kind = KINDS.find((one) => one.type === type)
  if (kind === undefined) throw new Error(`a message of type ${type}`)
  const { head, values } = readMessage<unknown, Record<string, unknown>>(kind as never, message)
  // The process that made the change differs between the two.
  const { pid: _, program: __, ...said } = values
  const { expressions } = values as { expressions?: Parameters<typeof expressionList.each>[0] }
  if (expressions !== undefined) {
    const list: unknown[] = []
    expressionList.each(expressions, (one) => list.push(one))
    said['expressions'] = list
  }
  return [index, kind.name, flags, shownValues({ head, ...said })]
}
