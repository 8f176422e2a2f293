/** A batch of messages that take effect together: those between NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END. */
import { ERRNO } from '../../../abi/errno'
import { NLM_F_ACK, NLM_F_ECHO } from '../../../abi/netlink'
import { NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END } from '../../../abi/nf-tables'
import { NFNL_SUBSYS_IPSET, NFNL_SUBSYS_NFTABLES } from '../../../abi/nfnetlink'
import { MessageError } from '../../../errors'
import type { SetNames } from '../../../extensions/context'
import { acknowledgement, refusal } from '../../../netlink/answer'
import { type Message, type MessageType, type NfHead, readMessage } from '../../../netlink/message'
import { batchBegin, messages } from '../../../nft/messages'
import { Teller } from './answers'
import { type Asked, Changes, checkLengths, tableKey } from './commands'
import { NftFailure, refuse } from './failure'
import type { NftTables } from './ruleset'

type Carry<V> = (changes: Changes, asked: Asked, values: V) => void

/** A type of message that makes a change. */
const change = <V extends object>(kind: MessageType<NfHead, V>, carryOut: Carry<V>) => ({
  type: kind.type,
  read(message: Message): { head: NfHead; values: V } {
    const read = readMessage(kind, message)
    checkLengths(read.values)
    return read
  },
  apply(changes: Changes, message: Message): void {
    const { head, values } = this.read(message)
    carryOut(changes, { message, family: head.nfgenFamily, flags: message.flags }, values)
  },
})

const CHANGES = [
  change(messages.newTable, (changes, asked, values) => changes.newTable(asked, values)),
  change(messages.deleteTable, (changes, asked, values) => changes.deleteTable(asked, values)),
  change(messages.newChain, (changes, asked, values) => changes.newChain(asked, values)),
  change(messages.deleteChain, (changes, asked, values) => changes.deleteChain(asked, values)),
  change(messages.newRule, (changes, asked, values) => changes.newRule(asked, values)),
  change(messages.deleteRule, (changes, asked, values) => changes.deleteRule(asked, values)),
]

/** Refuses a change outside a batch. @throws NftFailure */
export function refuseAlone(message: Message): void {
  const known = CHANGES.find(({ type }) => type === message.type)
  known?.read(message)
  if (known !== undefined) refuse(ERRNO.EINVAL)
}

const QUERIES: readonly number[] = [messages.getTable, messages.getChain, messages.getRule, messages.getGen].map(
  ({ type }) => type,
)

export const subsystemOf = ({ type }: Message): number => type >>> 8

export const isBatch = ([first]: readonly Message[]): boolean => first?.type === NFNL_MSG_BATCH_BEGIN

/** @returns the refusal that an error stands for. @throws any other error */
export function failureOf(error: unknown): NftFailure {
  if (error instanceof NftFailure) return error
  if (error instanceof MessageError) return new NftFailure(ERRNO.EINVAL, error.message)
  throw error
}

const acknowledged = (message: Message): Uint8Array[] =>
  (message.flags & NLM_F_ACK) === 0 ? [] : [acknowledgement(message)]

const refused = (message: Message, error: unknown): Uint8Array => {
  const { errno, reason } = failureOf(error)
  return refusal(message, errno, reason)
}

/** Carries out a batch. @returns the answers */
export function carryOutBatch(all: NftTables, sets: SetNames, [begin, ...rest]: readonly Message[]): Uint8Array[] {
  const first = begin as Message
  try {
    checkBegin(all, first)
  } catch (error) {
    return [refused(first, error)]
  }
  // After a second begin message, Linux discards the batch without an answer.
  const end = rest.findIndex(({ type }) => type === NFNL_MSG_BATCH_END || type === NFNL_MSG_BATCH_BEGIN)
  if (rest[end]?.type === NFNL_MSG_BATCH_BEGIN) return []
  const within = end < 0 ? rest : rest.slice(0, end)
  const { told, answers } = carryOutAll(all, sets, within, end >= 0)
  return [...told, ...acknowledged(first), ...answers, ...(end < 0 ? [] : acknowledged(rest[end] as Message))]
}

function checkBegin({ generation }: NftTables, message: Message): void {
  const { head, values } = readMessage(batchBegin, message)
  if (head.resId === NFNL_SUBSYS_IPSET) refuse(ERRNO.EOPNOTSUPP)
  if (head.resId !== NFNL_SUBSYS_NFTABLES) refuse(ERRNO.EINVAL)
  if (values.generation !== undefined && values.generation !== generation) refuse(ERRNO.ERESTART)
}

interface Outcome {
  /** The notifications that were requested. */
  readonly told: readonly Uint8Array[]
  /** Acknowledgements and refusals. */
  readonly answers: readonly Uint8Array[]
}

/** @param doubtful as for {@link Changes} */
function carryOutAll(
  all: NftTables,
  sets: SetNames,
  within: readonly Message[],
  isWhole: boolean,
  doubtful?: ReadonlySet<string>,
): Outcome {
  const changes = new Changes(all, sets, doubtful)
  const answers: Uint8Array[] = []
  let isRefused = false
  for (const message of within)
    try {
      applyTo(changes, message)
      answers.push(...acknowledged(message))
    } catch (error) {
      isRefused = true
      answers.push(refused(message, error))
    }
  const wrong = isRefused ? undefined : changes.wrong()
  if (isRefused || !isWhole || wrong !== undefined) changes.rollBack()
  if (wrong !== undefined && (isWhole || doubtful === undefined))
    return carryOutAll(all, sets, within, isWhole, isWhole ? wrong : knownTables(all, wrong))
  const isDone = !isRefused && isWhole && !changes.isEmpty
  return { told: isDone ? commit(all, changes, within) : [], answers }
}

/** In a batch without an end message, Linux does not find faulty jumps in tables that the batch itself creates. */
const knownTables = ({ tables }: NftTables, among: ReadonlySet<string>): Set<string> =>
  new Set(tables.map(tableKey).filter((key) => among.has(key)))

function applyTo(changes: Changes, message: Message): void {
  const known = CHANGES.find(({ type }) => type === message.type)
  if (known !== undefined) known.apply(changes, message)
  else if (subsystemOf(message) !== NFNL_SUBSYS_NFTABLES || QUERIES.includes(message.type)) refuse(ERRNO.EINVAL)
  else refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel supports only tables, chains and rules of nf_tables')
}

/** A generation is never 0. */
const next = (generation: number): number => (generation + 1) >>> 0 || 1

/** @returns the notifications that were requested, and one of the generation if the first message requested them */
function commit(all: NftTables, changes: Changes, within: readonly Message[]): Uint8Array[] {
  all.generation = next(all.generation)
  const told = changes.finish((message) => new Teller(message, all.generation))
  const first = within[0] as Message
  if ((first.flags & NLM_F_ECHO) === 0) return told
  return [...told, new Teller(first, all.generation).generation(all.generation)]
}
