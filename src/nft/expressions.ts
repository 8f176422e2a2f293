/**
 * Expressions, of which rules of nf_tables are made: each by its name and attributes, declared once for both directions.
 * What is not declared is kept as bytes. linux/netfilter/nf_tables.h
 */
import {
  NFTA_BITWISE,
  NFTA_CMP,
  NFTA_COUNTER,
  NFTA_CT,
  NFTA_DATA,
  NFTA_EXPR,
  NFTA_IMMEDIATE,
  NFTA_LIMIT,
  NFTA_LIST_ELEM,
  NFTA_LOG,
  NFTA_LOOKUP,
  NFTA_MASQ,
  NFTA_MATCH,
  NFTA_META,
  NFTA_NAT,
  NFTA_PAYLOAD,
  NFTA_RANGE,
  NFTA_REDIR,
  NFTA_REJECT,
  NFTA_TARGET,
  NFTA_VERDICT,
} from '../abi/nf-tables'
import { be16, be32, be64, type Codec, u8 } from '../binary/codec'
import {
  attribute,
  attributes,
  binary,
  type Encoded,
  encoded,
  fixed,
  list,
  nulString,
  type Payload,
} from '../netlink/attribute'

/** `__be32` of a number that may be below 0. */
const sbe32: Codec<number> = {
  ...be32,
  read: (bytes, at) => be32.read(bytes, at) | 0,
  write: (bytes, at, value) => be32.write(bytes, at, value >>> 0),
}

export const net16 = fixed(be16)
export const net32 = fixed(be32)
export const net64 = fixed(be64)
export const signed32 = fixed(sbe32)

const verdict = attributes({
  code: attribute(NFTA_VERDICT.CODE, signed32),
  chain: attribute(NFTA_VERDICT.CHAIN, nulString),
})

/** A value, or a verdict. */
const data = attributes({
  value: attribute(NFTA_DATA.VALUE, binary),
  verdict: attribute(NFTA_DATA.VERDICT, verdict),
})
export type Data = ValueOf<typeof data>

const extension = (at: { NAME: number; REV: number; INFO: number }) =>
  attributes({
    name: attribute(at.NAME, nulString),
    rev: attribute(at.REV, net32),
    info: attribute(at.INFO, encoded(binary)),
  })

const EXPRESSIONS = {
  immediate: attributes({ dreg: attribute(NFTA_IMMEDIATE.DREG, net32), data: attribute(NFTA_IMMEDIATE.DATA, data) }),
  meta: attributes({
    key: attribute(NFTA_META.KEY, net32),
    dreg: attribute(NFTA_META.DREG, net32),
    sreg: attribute(NFTA_META.SREG, net32),
  }),
  payload: attributes({
    dreg: attribute(NFTA_PAYLOAD.DREG, net32),
    base: attribute(NFTA_PAYLOAD.BASE, net32),
    offset: attribute(NFTA_PAYLOAD.OFFSET, net32),
    len: attribute(NFTA_PAYLOAD.LEN, net32),
    sreg: attribute(NFTA_PAYLOAD.SREG, net32),
  }),
  bitwise: attributes({
    sreg: attribute(NFTA_BITWISE.SREG, net32),
    dreg: attribute(NFTA_BITWISE.DREG, net32),
    op: attribute(NFTA_BITWISE.OP, net32),
    len: attribute(NFTA_BITWISE.LEN, net32),
    mask: attribute(NFTA_BITWISE.MASK, data),
    xor: attribute(NFTA_BITWISE.XOR, data),
  }),
  cmp: attributes({
    sreg: attribute(NFTA_CMP.SREG, net32),
    op: attribute(NFTA_CMP.OP, net32),
    data: attribute(NFTA_CMP.DATA, data),
  }),
  range: attributes({
    sreg: attribute(NFTA_RANGE.SREG, net32),
    op: attribute(NFTA_RANGE.OP, net32),
    from: attribute(NFTA_RANGE.FROM_DATA, data),
    to: attribute(NFTA_RANGE.TO_DATA, data),
  }),
  ct: attributes({
    dreg: attribute(NFTA_CT.DREG, net32),
    key: attribute(NFTA_CT.KEY, net32),
    direction: attribute(NFTA_CT.DIRECTION, fixed(u8)),
    sreg: attribute(NFTA_CT.SREG, net32),
  }),
  counter: attributes({ packets: attribute(NFTA_COUNTER.PACKETS, net64), bytes: attribute(NFTA_COUNTER.BYTES, net64) }),
  limit: attributes({
    rate: attribute(NFTA_LIMIT.RATE, net64),
    unit: attribute(NFTA_LIMIT.UNIT, net64),
    burst: attribute(NFTA_LIMIT.BURST, net32),
    type: attribute(NFTA_LIMIT.TYPE, net32),
    flags: attribute(NFTA_LIMIT.FLAGS, net32),
  }),
  log: attributes({
    prefix: attribute(NFTA_LOG.PREFIX, nulString),
    group: attribute(NFTA_LOG.GROUP, net16),
    snaplen: attribute(NFTA_LOG.SNAPLEN, net32),
    qthreshold: attribute(NFTA_LOG.QTHRESHOLD, net16),
    level: attribute(NFTA_LOG.LEVEL, net32),
    flags: attribute(NFTA_LOG.FLAGS, net32),
  }),
  reject: attributes({
    type: attribute(NFTA_REJECT.TYPE, net32),
    icmpCode: attribute(NFTA_REJECT.ICMP_CODE, fixed(u8)),
  }),
  nat: attributes({
    type: attribute(NFTA_NAT.TYPE, net32),
    family: attribute(NFTA_NAT.FAMILY, net32),
    addressMin: attribute(NFTA_NAT.REG_ADDR_MIN, net32),
    addressMax: attribute(NFTA_NAT.REG_ADDR_MAX, net32),
    portMin: attribute(NFTA_NAT.REG_PROTO_MIN, net32),
    portMax: attribute(NFTA_NAT.REG_PROTO_MAX, net32),
    flags: attribute(NFTA_NAT.FLAGS, net32),
  }),
  masq: attributes({
    flags: attribute(NFTA_MASQ.FLAGS, net32),
    portMin: attribute(NFTA_MASQ.REG_PROTO_MIN, net32),
    portMax: attribute(NFTA_MASQ.REG_PROTO_MAX, net32),
  }),
  redir: attributes({
    portMin: attribute(NFTA_REDIR.REG_PROTO_MIN, net32),
    portMax: attribute(NFTA_REDIR.REG_PROTO_MAX, net32),
    flags: attribute(NFTA_REDIR.FLAGS, net32),
  }),
  lookup: attributes({
    set: attribute(NFTA_LOOKUP.SET, nulString),
    sreg: attribute(NFTA_LOOKUP.SREG, net32),
    dreg: attribute(NFTA_LOOKUP.DREG, net32),
    setId: attribute(NFTA_LOOKUP.SET_ID, net32),
    flags: attribute(NFTA_LOOKUP.FLAGS, net32),
  }),
  match: extension(NFTA_MATCH),
  target: extension(NFTA_TARGET),
}

type ValueOf<P> = P extends Payload<infer V> ? V : never
export type ExpressionName = keyof typeof EXPRESSIONS
export type ExpressionOf<N extends ExpressionName> = {
  readonly name: N
  readonly data: ValueOf<(typeof EXPRESSIONS)[N]>
}
/** One of those that are declared here. */
export type Known = { [N in ExpressionName]: ExpressionOf<N> }[ExpressionName]
/** Any other, as its attributes lie in the message. */
export interface Unknown {
  readonly name: string
  readonly unknown: Encoded | undefined
}
export type Expression = Known | Unknown

export const isKnown = (expression: Expression): expression is Known => 'data' in expression

const payloadOf = (name: string): Payload<unknown> | undefined =>
  Object.hasOwn(EXPRESSIONS, name) ? (EXPRESSIONS[name as ExpressionName] as Payload<unknown>) : undefined

const named = attributes({
  name: attribute(NFTA_EXPR.NAME, nulString),
  data: attribute(NFTA_EXPR.DATA, encoded(binary)),
})

/** An expression: its name says what its data is. */
const expression: Payload<Expression> = {
  flag: named.flag,
  size(value) {
    return named.size(wrapped(value))
  },
  read(bytes, at, end) {
    const { name = '', data: found } = named.read(bytes, at, end)
    const payload = payloadOf(name)
    if (payload === undefined || found === undefined) return { name, unknown: found }
    return { name, data: payload.read(found.bytes, found.at, found.end) } as Known
  },
  write: (bytes, at, value) => named.write(bytes, at, wrapped(value)),
}

/** The attributes of an expression, its data encoded. */
function wrapped(value: Expression): { name: string; data?: Encoded | undefined } {
  if (!isKnown(value)) return { name: value.name, data: value.unknown }
  const payload = payloadOf(value.name) as Payload<unknown>
  const bytes = new Uint8Array(payload.size(value.data))
  return { name: value.name, data: { bytes, at: 0, end: payload.write(bytes, 0, value.data) } }
}

export const expressionList = list(NFTA_LIST_ELEM, expression)

/** As {@link expressionList}, of expressions that nobody looks into: they are written as they were read. */
export const rawExpressionList = list<Expression>(NFTA_LIST_ELEM, {
  ...expression,
  read(bytes, at, end) {
    const { name = '', data: unknown } = named.read(bytes, at, end)
    return { name, unknown }
  },
})
