/** Messages about tables, chains and rules: answers to queries, and notifications of changes. */
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../../../abi/netlink'
import { NFTA_CHAIN, NFTA_TABLE } from '../../../abi/nf-tables'
import { answer } from '../../../netlink/answer'
import type { UnknownAttribute } from '../../../netlink/attribute'
import { type Message, type MessageType, type NfHead, nfHead } from '../../../netlink/message'
import { type Expression, expressionList } from '../../../nft/expressions'
import { type ChainValues, messages, type RuleValues, type TableValues } from '../../../nft/messages'
import type { KeptExpression, NftChain, NftRule, NftTable } from './ruleset'

/** NFT_CHAIN_BASE: the flag of a chain with a hook. */
export const CHAIN_BASE = 1

const userdataOf = (type: number, value: Uint8Array | undefined): { unknown?: UnknownAttribute[] } =>
  value === undefined ? {} : { unknown: [{ type, value }] }

export const userdataIn = (type: number, unknown: readonly UnknownAttribute[] | undefined): Uint8Array | undefined =>
  unknown?.find((one) => one.type === type)?.value

export const tableValues = ({ name, chains, handle, flags, userdata }: NftTable): TableValues => ({
  name,
  use: chains.length,
  handle,
  flags,
  ...userdataOf(NFTA_TABLE.USERDATA, userdata),
})

export function chainValues({ table, name, handle, hook, policy, counters, use, userdata }: NftChain): ChainValues {
  const hooked = hook && {
    hook: { number: hook.number, priority: hook.priority },
    policy,
    type: hook.type,
    ...(counters && { counters: { packets: counters.packets, bytes: counters.bytes } }),
    flags: CHAIN_BASE,
  }
  return { table: table.name, name, handle, ...hooked, use, ...userdataOf(NFTA_CHAIN.USERDATA, userdata) }
}

/** @param before the preceding rule, if its handle is to be reported as the position */
export const ruleValues = (chain: NftChain, rule: NftRule, before: NftRule | undefined): RuleValues => ({
  table: chain.table.name,
  chain: chain.name,
  handle: rule.handle,
  ...(before && { position: before.handle }),
  expressions: encodedExpressions(rule.expressions),
  ...(rule.userdata && { userdata: rule.userdata }),
})

function encodedExpressions(expressions: readonly KeptExpression[]) {
  const list = expressions.map(toldExpression)
  const bytes = new Uint8Array(expressionList.size(list))
  return { bytes, at: 0, end: expressionList.write(bytes, 0, list) }
}

/** The expression with the current name of the chain that it jumps to. */
function toldExpression({ told, jump }: KeptExpression): Expression {
  if (jump === undefined) return told
  const { data } = told as Extract<Expression, { name: 'immediate' }>
  return {
    name: 'immediate',
    data: { ...data, data: { verdict: { ...data.data?.verdict, chain: jump.name } } },
  }
}

/** `struct nfgenmsg` with the lower 16 bits of the generation. */
export const headOf = (family: number, generation: number): NfHead => ({
  ...nfHead(family),
  resId: generation & 0xffff,
})

/** Makes answers to one request, at one generation. */
export class Teller {
  readonly #asked: Message
  readonly #generation: number

  constructor(asked: Message, generation: number) {
    this.#asked = asked
    this.#generation = generation
  }

  tell<V>(kind: MessageType<NfHead, V>, family: number, values: V, flags = 0): Uint8Array {
    return answer(this.#asked, kind, headOf(family, this.#generation), values, flags)
  }

  generation(id: number): Uint8Array {
    return this.tell(messages.newGen, 0, { id, pid: process.pid, program: 'node' })
  }
}

/** The flags of a notification, from those of the request that made the change. */
export const eventFlags = (flags: number): number => flags & (NLM_F_CREATE | NLM_F_EXCL)
export const ruleEventFlags = (flags: number): number =>
  eventFlags(flags) | ((flags & (NLM_F_APPEND | NLM_F_REPLACE)) === 0 ? 0 : NLM_F_APPEND)
