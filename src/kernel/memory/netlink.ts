/** Netlink sockets of the in-process kernel: requests about sets and nf_tables are carried out when they are sent. */
import { ERRNO } from '../../abi/errno'
import { NLM_F_ACK, NLM_F_MULTI, NLMSG_NOOP, nlAlign } from '../../abi/netlink'
import { NFNL_MSG_BATCH_END } from '../../abi/nf-tables'
import { MessageError } from '../../errors'
import { commands, type ListValues } from '../../ipset/messages'
import { acknowledgement, answer, end, refusal } from '../../netlink/answer'
import { type Message, type MessageType, messagesIn, type NfHead, nfHead, readMessage } from '../../netlink/message'
import { type NetlinkConnection, NetlinkFailure } from '../kernel'
import type { Nft } from './nft/nft'
import type { NamedSet, SetList } from './set-list'
import { checkCommon, EntryFailure, type SetCommands } from './sets/commands'
import { SetFailure } from './sets/failure'

type Values = Record<string, unknown>
type Kind = MessageType<NfHead, Values>
type Name = keyof typeof commands
const NAMES = Object.keys(commands) as Name[]

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

export class MemoryNetlink implements NetlinkConnection {
  readonly place: SetList
  readonly #commands: SetCommands
  readonly #sets: SetList
  readonly #nft: Nft
  /** The answers to be received. Each part of a dump is made when it is received. */
  readonly #answers: Iterator<Uint8Array, void>[] = []
  #closed = false

  constructor(commands: SetCommands, sets: SetList, nft: Nft) {
    this.#commands = commands
    this.#sets = sets
    this.place = sets
    this.#nft = nft
  }

  send(bytes: Uint8Array): void {
    this.#checkOpen()
    // A copy, because the answer to a refused message contains it.
    const messages = messagesIn(bytes.slice())
    if (this.#nft.isBatch(messages)) this.#answers.push(this.#nft.carryOut(messages))
    else
      for (const message of messages)
        if (message.type !== NLMSG_NOOP)
          this.#answers.push(this.#nft.isQuery(message) ? this.#nft.answer(message) : this.#perform(message))
  }

  async sendAsync(bytes: Uint8Array): Promise<void> {
    this.#checkOpen()
    await nextTurn()
    this.send(bytes)
  }

  receive(): Uint8Array | undefined {
    this.#checkOpen()
    for (let answers = this.#answers[0]; answers !== undefined; answers = this.#answers[0]) {
      const { value, done } = answers.next()
      if (!done) return value
      this.#answers.shift()
    }
    return undefined
  }

  /** There are no notifications here. */
  join(): void {
    this.#checkOpen()
    throw new NetlinkFailure(ERRNO.EOPNOTSUPP)
  }

  close(): void {
    this.#closed = true
    for (const answers of this.#answers.splice(0)) answers.return?.(undefined)
  }

  #checkOpen(): void {
    if (this.#closed) throw new NetlinkFailure(ERRNO.EBADF)
  }

  #perform(message: Message): Iterator<Uint8Array, void> {
    try {
      const name = NAMES.find((one) => commands[one].type === message.type)
      if (message.type === NFNL_MSG_BATCH_END) throw new SetFailure(ERRNO.EINVAL)
      if (name === undefined)
        throw new SetFailure(
          ERRNO.EOPNOTSUPP,
          'the in-process kernel takes requests about sets and nf_tables, and none of this type',
        )
      const kind = commands[name] as unknown as Kind
      const { values } = readMessage(kind, message)
      checkCommon(values)
      return name === 'list' ? this.#dump(message, values) : this.#carryOut(name, kind, message, values).values()
    } catch (error) {
      return [refused(message, error)].values()
    }
  }

  #carryOut(name: Exclude<Name, 'list'>, kind: Kind, message: Message, values: Values): Uint8Array[] {
    const acknowledged = (message.flags & NLM_F_ACK) === 0 ? [] : [acknowledgement(message)]
    try {
      const work = this.#commands[name].bind(this.#commands) as (values: Values, flags: number) => Values | undefined
      const told = work(values, message.flags)
      return told === undefined ? acknowledged : [answer(message, kind, HEAD, told), ...acknowledged]
    } catch (error) {
      // The answer contains the request, with the number of the refused entry in it.
      if (error instanceof EntryFailure) rewrite(message, kind, { ...values, lineno: error.lineno })
      throw error
    }
  }

  #dump(message: Message, values: ListValues): Dump {
    const { setname } = values
    const read = this.#sets.all().filter(({ name }) => setname === undefined || name === setname)
    return new Dump(message, this.#commands.list(values), read)
  }
}

/** These messages do not use nfgen_family. */
const HEAD = nfHead(2)

/** The answers to a request that lists sets. The sets cannot be destroyed until all answers are received. */
class Dump implements Iterator<Uint8Array, void> {
  readonly #asked: Message
  readonly #parts: Iterator<ListValues, void>
  readonly #read: readonly NamedSet[]
  #next: IteratorResult<ListValues, void>
  #isOver = false

  /** @throws SetFailure */
  constructor(asked: Message, parts: Iterator<ListValues, void>, read: readonly NamedSet[]) {
    this.#asked = asked
    this.#parts = parts
    this.#read = read
    this.#next = parts.next()
    for (const set of read) set.readers++
  }

  next(): IteratorResult<Uint8Array, void> {
    if (this.#isOver) return { done: true, value: undefined }
    const { done, value } = this.#next
    if (done) {
      this.return()
      return { done: false, value: end(this.#asked) }
    }
    this.#next = this.#parts.next()
    return { done: false, value: answer(this.#asked, commands.list, HEAD, value, NLM_F_MULTI) }
  }

  return(): IteratorResult<Uint8Array, void> {
    if (!this.#isOver) for (const set of this.#read) set.readers--
    this.#isOver = true
    return { done: true, value: undefined }
  }
}

function rewrite({ bytes, at }: Message, { head, attributes }: Kind, values: Values): void {
  attributes.write(bytes, at + nlAlign(head.size), values)
}

/** The answer to a request that failed. @throws any error that is not a refusal */
function refused(message: Message, error: unknown): Uint8Array {
  if (error instanceof MessageError) return refusal(message, ERRNO.EINVAL, error.message)
  if (error instanceof SetFailure) return refusal(message, error.errno, error.reason)
  throw error
}
