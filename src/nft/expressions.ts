/**
 * The expressions that nf_tables rules consist of: each has a name and attributes, declared once for both
 * directions. Expressions that are not declared are kept as bytes. linux/netfilter/nf_tables.h
 */

import { nlAlign, nlattr } from '../abi/netlink'
import {
  NFTA_BITWISE,
  NFTA_BYTEORDER,
  NFTA_CMP,
  NFTA_COUNTER,
  NFTA_CT,
  NFTA_DATA,
  NFTA_DUP,
  NFTA_EXPR,
  NFTA_EXTHDR,
  NFTA_FIB,
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
  NFTA_QUEUE,
  NFTA_RANGE,
  NFTA_REDIR,
  NFTA_REJECT,
  NFTA_RT,
  NFTA_SYNPROXY,
  NFTA_TARGET,
  NFTA_VERDICT,
} from '../abi/nf-tables'
import { be16, be32, be64, type Codec, u8 } from '../binary/codec'
import { encodeText } from '../binary/text'
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
  view,
  walk as walkAttributes,
} from '../netlink/attribute'

/** `__be32` holding a signed number. */
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

/** A value or a verdict. The value is a view, so that its offset in the message is known. */
const data = attributes({
  value: attribute(NFTA_DATA.VALUE, view),
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
    csumType: attribute(NFTA_PAYLOAD.CSUM_TYPE, net32),
    csumOffset: attribute(NFTA_PAYLOAD.CSUM_OFFSET, net32),
    csumFlags: attribute(NFTA_PAYLOAD.CSUM_FLAGS, net32),
  }),
  exthdr: attributes({
    dreg: attribute(NFTA_EXTHDR.DREG, net32),
    type: attribute(NFTA_EXTHDR.TYPE, fixed(u8)),
    offset: attribute(NFTA_EXTHDR.OFFSET, net32),
    len: attribute(NFTA_EXTHDR.LEN, net32),
    flags: attribute(NFTA_EXTHDR.FLAGS, net32),
    op: attribute(NFTA_EXTHDR.OP, net32),
    sreg: attribute(NFTA_EXTHDR.SREG, net32),
  }),
  bitwise: attributes({
    sreg: attribute(NFTA_BITWISE.SREG, net32),
    dreg: attribute(NFTA_BITWISE.DREG, net32),
    op: attribute(NFTA_BITWISE.OP, net32),
    len: attribute(NFTA_BITWISE.LEN, net32),
    mask: attribute(NFTA_BITWISE.MASK, data),
    xor: attribute(NFTA_BITWISE.XOR, data),
    data: attribute(NFTA_BITWISE.DATA, data),
  }),
  byteorder: attributes({
    sreg: attribute(NFTA_BYTEORDER.SREG, net32),
    dreg: attribute(NFTA_BYTEORDER.DREG, net32),
    op: attribute(NFTA_BYTEORDER.OP, net32),
    len: attribute(NFTA_BYTEORDER.LEN, net32),
    size: attribute(NFTA_BYTEORDER.SIZE, net32),
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
  rt: attributes({ dreg: attribute(NFTA_RT.DREG, net32), key: attribute(NFTA_RT.KEY, net32) }),
  fib: attributes({
    dreg: attribute(NFTA_FIB.DREG, net32),
    result: attribute(NFTA_FIB.RESULT, net32),
    flags: attribute(NFTA_FIB.FLAGS, net32),
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
  queue: attributes({
    num: attribute(NFTA_QUEUE.NUM, net16),
    total: attribute(NFTA_QUEUE.TOTAL, net16),
    flags: attribute(NFTA_QUEUE.FLAGS, net16),
    numRegister: attribute(NFTA_QUEUE.SREG_QNUM, net32),
  }),
  notrack: attributes({}),
  synproxy: attributes({
    mss: attribute(NFTA_SYNPROXY.MSS, net16),
    wscale: attribute(NFTA_SYNPROXY.WSCALE, fixed(u8)),
    flags: attribute(NFTA_SYNPROXY.FLAGS, net32),
  }),
  dup: attributes({
    address: attribute(NFTA_DUP.SREG_ADDR, net32),
    device: attribute(NFTA_DUP.SREG_DEV, net32),
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
/** An expression that is declared here. */
export type Known = { [N in ExpressionName]: ExpressionOf<N> }[ExpressionName]
/** Any other expression, with its attributes as bytes. */
export interface Unknown {
  readonly name: string
  readonly unknown: Encoded | undefined
}
export type Expression = Known | Unknown

export const isKnown = (expression: Expression): expression is Known => 'data' in expression

const PAYLOADS = new Map<string, Payload<unknown>>(Object.entries(EXPRESSIONS) as [string, Payload<unknown>][])

const payloadOf = (name: string): Payload<unknown> | undefined => PAYLOADS.get(name)

/** Encoded names, by length: the names of common expressions need not be decoded. */
const NAMES: { readonly name: string; readonly bytes: Uint8Array }[][] = []
for (const name of PAYLOADS.keys()) {
  const bytes = encodeText(`${name}\0`)
  NAMES[bytes.length] ??= []
  NAMES[bytes.length]?.push({ name, bytes })
}

/** Offset of the name in an expression, after the headers of the element and the attribute. */
const TO_NAME = 2 * nlattr.size

/** @throws MessageError */
const nameString: Payload<string> = {
  ...nulString,
  read(bytes, at, end) {
    for (const { name, bytes: known } of NAMES[end - at] ?? []) if (isAt(known, bytes, at)) return name
    return nulString.read(bytes, at, end)
  },
}

function isAt(known: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[at + i]) return false
  return true
}

const named = attributes({
  name: attribute(NFTA_EXPR.NAME, nameString),
  data: attribute(NFTA_EXPR.DATA, encoded(binary)),
})

/** An expression. Its name decides the type of its data. */
const expression: Payload<Expression> = {
  flag: named.flag,
  size(value) {
    return named.size(wrapped(value))
  },
  read(bytes, at, end) {
    const { name = '', data: found } = named.read(bytes, at, end)
    const payload = payloadOf(name)
    if (payload === undefined) return { name, unknown: found }
    // Some expressions have no attributes, and so no data attribute.
    return { name, data: found === undefined ? {} : payload.read(found.bytes, found.at, found.end) } as Known
  },
  write: (bytes, at, value) => named.write(bytes, at, wrapped(value)),
}

/** The attributes of an expression, with its data encoded. */
function wrapped(value: Expression): { name: string; data?: Encoded | undefined } {
  if (!isKnown(value)) return { name: value.name, data: value.unknown }
  const payload = payloadOf(value.name) as Payload<unknown>
  const bytes = new Uint8Array(payload.size(value.data))
  return { name: value.name, data: { bytes, at: 0, end: payload.write(bytes, 0, value.data) } }
}

export const expressionList = list(NFTA_LIST_ELEM, expression)

const COUNTER = NAMES.flat().find(({ name }) => name === 'counter')?.bytes as Uint8Array

/** The offsets of the values of a rule's only counter, 8 bytes each; undefined if it has none or several. */
export function counterPlaces(rule: Encoded): { readonly packets: number; readonly bytes: number } | undefined {
  const found: { packets: number; bytes: number }[] = []
  for (let at = rule.at; at < rule.end; at = expressionList.nextOf(rule, at)) {
    if (!isAt(COUNTER, rule.bytes, at + TO_NAME)) continue
    const end = expressionList.nextOf(rule, at)
    const places = { packets: -1, bytes: -1 }
    const start = nlAlign(at + TO_NAME + COUNTER.length) + nlattr.size
    for (const { at: place, type } of walkAttributes(rule.bytes, start, end))
      if (type === NFTA_COUNTER.PACKETS) places.packets = place + nlattr.size
      else if (type === NFTA_COUNTER.BYTES) places.bytes = place + nlattr.size
    found.push(places)
  }
  const [only, another] = found
  return another === undefined && only !== undefined && only.packets >= 0 && only.bytes >= 0 ? only : undefined
}
