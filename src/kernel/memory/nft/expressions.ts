/** Checks the expressions of a rule as Linux does: what it refuses, and what it returns for each. */
import { ERRNO } from '../../../abi/errno'
import type { Family } from '../../../abi/family'
import { HOOKS, type Hook } from '../../../abi/netfilter'
import {
  NFT_LIMIT_F_INV,
  NFT_META,
  NFT_NAT,
  NFT_PAYLOAD,
  NFT_RANGE,
  NFT_REG_VERDICT,
  NFT_REJECT,
  NFT_VERDICT,
} from '../../../abi/nf-tables'
import { type Data, type Expression, type ExpressionName, type ExpressionOf, isKnown } from '../../../nft/expressions'
import { refuse } from './failure'
import { Registers } from './registers'
import type { BaseHook, KeptExpression, NftChain } from './ruleset'

/** What an expression needs to know about its rule. */
export interface Place {
  readonly family: Family
  readonly chain: NftChain
  /** @throws NftFailure */
  chainToGoTo(name: string): NftChain
  /** A match or target of x_tables. @throws NftFailure */
  compat(expression: ExpressionOf<'match' | 'target'>): Make
}

/** Makes an expression, after those before it in its rule have filled registers. @throws NftFailure */
export type Make = (registers: Registers) => KeptExpression

/** Checks an expression by itself. All expressions of a rule are checked before the first is made. @throws NftFailure */
type Take<N extends ExpressionName> = (data: ExpressionOf<N>['data'], place: Place) => Make

/** Maximum size of a value in bytes. */
const MAX_DATA = 16

const given = <T>(value: T | undefined): T => value ?? refuse(ERRNO.EINVAL)

/** The bytes of a value, which must not be a verdict. @throws NftFailure */
function bytesOf(data: Data | undefined): Uint8Array {
  const value = given(data?.value)
  if (value.length === 0) refuse(ERRNO.EINVAL)
  return value.length > MAX_DATA ? refuse(ERRNO.EOVERFLOW) : value
}

const hooksOf = (hooks: readonly Hook[]): readonly number[] => hooks.map((hook) => HOOKS.indexOf(hook))

/** Checks that a rule is reached only from these hooks, and from chains of this type. */
const only =
  (hooks: readonly Hook[], type?: string) =>
  (base: BaseHook): number | undefined =>
    hooksOf(hooks).includes(base.number) && (type === undefined || base.type === type) ? undefined : ERRNO.EOPNOTSUPP

const NAT_HOOKS: Readonly<Record<number, readonly Hook[]>> = {
  [NFT_NAT.SNAT]: ['POSTROUTING', 'INPUT'],
  [NFT_NAT.DNAT]: ['PREROUTING', 'OUTPUT'],
}

/** NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED and the mask of all flags. linux/netfilter/nf_nat.h */
const [MAPS_ADDRESSES, MAPS_PORTS, RANGE_MASK] = [1, 2, 0x7f]

function rangeFlags(flags = 0): number {
  return (flags & ~RANGE_MASK) === 0 ? flags : refuse(ERRNO.EINVAL)
}

/** The registers of the first and last value of a range. The default for the last is the first. */
function registerRange(registers: Registers, min: number | undefined, max: number | undefined, length: number) {
  if (min === undefined) return undefined
  const first = registers.use(min, length)
  return [first, max === undefined ? first : registers.use(max, length)] as const
}

const PORT_SIZE = 2

/** Sizes in bytes of what `meta` loads, by key. */
const META_SIZES: Readonly<Record<number, number>> = {
  [NFT_META.LEN]: 4,
  [NFT_META.PROTOCOL]: 2,
  [NFT_META.PRIORITY]: 4,
  [NFT_META.MARK]: 4,
  [NFT_META.IIF]: 4,
  [NFT_META.OIF]: 4,
  [NFT_META.IIFNAME]: 16,
  [NFT_META.OIFNAME]: 16,
  [NFT_META.IIFTYPE]: 2,
  [NFT_META.OIFTYPE]: 2,
  [NFT_META.SKUID]: 4,
  [NFT_META.SKGID]: 4,
  [NFT_META.RTCLASSID]: 4,
  [NFT_META.SECMARK]: 4,
  [NFT_META.NFPROTO]: 1,
  [NFT_META.L4PROTO]: 1,
  [NFT_META.PKTTYPE]: 1,
  [NFT_META.CPU]: 4,
  [NFT_META.IIFGROUP]: 4,
  [NFT_META.OIFGROUP]: 4,
  [NFT_META.CGROUP]: 4,
  [NFT_META.PRANDOM]: 4,
  [NFT_META.SECPATH]: 1,
  [NFT_META.IIFKIND]: 16,
  [NFT_META.OIFKIND]: 16,
  [NFT_META.TIME_NS]: 8,
  [NFT_META.TIME_DAY]: 1,
  [NFT_META.TIME_HOUR]: 4,
  [NFT_META.SDIF]: 4,
  [NFT_META.SDIFNAME]: 16,
}

/** Sizes in bytes of what `meta` sets, by key. */
const META_SET_SIZES: Readonly<Record<number, number>> = {
  [NFT_META.PRIORITY]: 4,
  [NFT_META.MARK]: 4,
  [NFT_META.NFTRACE]: 1,
  [NFT_META.SECMARK]: 4,
  [NFT_META.PKTTYPE]: 1,
}

/** The hooks of keys that are not allowed at every hook: for loading, and for setting. */
const META_HOOKS: Readonly<Record<number, readonly Hook[]>> = {
  [NFT_META.SECPATH]: ['PREROUTING', 'INPUT', 'FORWARD'],
  [NFT_META.SDIF]: ['INPUT', 'FORWARD'],
  [NFT_META.SDIFNAME]: ['INPUT', 'FORWARD'],
}
const META_SET_HOOKS: Readonly<Record<number, readonly Hook[]>> = { [NFT_META.PKTTYPE]: ['PREROUTING'] }

/**
 * What `ct` loads, by key. A size of undefined is that of an address. The direction is not allowed (undefined), required
 * (needed), or allowed, and then reported when the rule is read (told) or not (untold).
 */
const CT_KEYS: Readonly<Record<number, readonly [size: number | undefined, direction?: 'needed' | 'told' | 'untold']>> =
  {
    0: [4],
    1: [1],
    2: [4],
    3: [4],
    4: [4],
    5: [4],
    6: [16],
    7: [1, 'untold'],
    8: [undefined, 'needed'],
    9: [undefined, 'needed'],
    10: [1, 'untold'],
    11: [2, 'needed'],
    12: [2, 'needed'],
    13: [16],
    14: [8, 'told'],
    15: [8, 'told'],
    16: [8, 'told'],
    17: [2, 'told'],
    19: [4, 'needed'],
    20: [4, 'needed'],
    21: [16, 'needed'],
    22: [16, 'needed'],
    23: [4],
  }
const CT_MARK = 3

/** Maximum of offsets, and of lengths and enumerated values. */
const [MAX_OFFSET, MAX_LENGTH] = [0xffff, 0xff]
const U64 = 1n << 64n
const NANOSECONDS = 1_000_000_000n
const BURST = 5

/**
 * NF_LOG_MASK, from linux/netfilter/nf_log.h; NFT_LOGLEVEL_AUDIT and the default level, from linux/netfilter/nf_tables.h; the
 * maximum length of a prefix.
 */
const [LOG_MASK, LOG_MAX_LEVEL, LOG_LEVEL, LOG_MAX_PREFIX] = [0x2f, 8, 4, 127]

/** Number of codes of NFT_REJECT_ICMPX_UNREACH. */
const ICMPX_CODES = 4

/** Any other expression is refused, as by a kernel that was built without it. */
const TAKE: { readonly [N in ExpressionName]?: Take<N> } = {
  immediate({ dreg, data }, place) {
    return (registers) => {
      const { value, verdict } = given(data)
      if (dreg === undefined) refuse(ERRNO.EINVAL)
      if (value === undefined && verdict !== undefined) return verdictOf(dreg, verdict, place)
      const bytes = bytesOf(data)
      return { told: { name: 'immediate', data: { dreg: registers.fill(dreg, bytes.length), data: { value: bytes } } } }
    }
  },

  meta({ key, dreg, sreg }) {
    if ((key ?? 0) > MAX_LENGTH) refuse(ERRNO.ERANGE)
    if (key === undefined || (dreg === undefined) === (sreg === undefined)) refuse(ERRNO.EINVAL)
    const hooks = (dreg === undefined ? META_SET_HOOKS : META_HOOKS)[key]
    return (registers) => {
      const size = (dreg === undefined ? META_SET_SIZES : META_SIZES)[key] ?? refuse(ERRNO.EOPNOTSUPP)
      const register = dreg === undefined ? { sreg: registers.use(sreg, size) } : { dreg: registers.fill(dreg, size) }
      return { told: { name: 'meta', data: { key, ...register } }, ...(hooks && { check: only(hooks) }) }
    }
  },

  payload({ dreg, base, offset, len, sreg }) {
    if (sreg !== undefined && dreg !== undefined) refuse(ERRNO.EINVAL)
    if (sreg !== undefined)
      refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel does not support expressions that write to packets')
    if (base === undefined || offset === undefined || len === undefined || dreg === undefined) refuse(ERRNO.EINVAL)
    if (base > NFT_PAYLOAD.TRANSPORT + 1) refuse(ERRNO.EOPNOTSUPP)
    if (offset > MAX_OFFSET || len > MAX_LENGTH) refuse(ERRNO.ERANGE)
    return (registers) => {
      return { told: { name: 'payload', data: { dreg: registers.fill(dreg, len), base, offset, len } } }
    }
  },

  bitwise({ sreg, dreg, op = 0, len, mask, xor }) {
    return (registers) => {
      if (sreg === undefined || dreg === undefined || len === undefined) refuse(ERRNO.EINVAL)
      if (len > MAX_LENGTH) refuse(ERRNO.ERANGE)
      const from = registers.use(sreg, len)
      const to = registers.fill(dreg, len)
      if (op > LAST_BITWISE) refuse(ERRNO.EOPNOTSUPP)
      if (op !== 0 && mask === undefined && xor === undefined)
        refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel supports bitwise expressions only with a mask and xor')
      const [bits, inverted] = [bytesOf(mask), bytesOf(xor)]
      if (op !== 0 || bits.length !== len || inverted.length !== len) refuse(ERRNO.EINVAL)
      const data = { sreg: from, dreg: to, len, op, mask: { value: bits }, xor: { value: inverted } }
      return { told: { name: 'bitwise', data } }
    }
  },

  cmp({ sreg, op, data }) {
    if (sreg === undefined || op === undefined || data === undefined) refuse(ERRNO.EINVAL)
    const value = bytesOf(data)
    if (op > LAST_CMP) refuse(ERRNO.EINVAL)
    return (registers) => {
      const register = registers.use(sreg, value.length)
      return { told: { name: 'cmp', data: { sreg: register, op, data: { value } } } }
    }
  },

  range({ sreg, op, from, to }) {
    return (registers) => {
      if (sreg === undefined || op === undefined) refuse(ERRNO.EINVAL)
      if (from === undefined || to === undefined) refuse(ERRNO.EINVAL)
      const [first, last] = [bytesOf(from), bytesOf(to)]
      if (first.length !== last.length) refuse(ERRNO.EINVAL)
      const register = registers.use(sreg, first.length)
      if (op > NFT_RANGE.NEQ) refuse(ERRNO.EINVAL)
      return { told: { name: 'range', data: { sreg: register, op, from: { value: first }, to: { value: last } } } }
    }
  },

  ct({ dreg, key, direction, sreg }, { family }) {
    if ((key ?? 0) > MAX_LENGTH) refuse(ERRNO.ERANGE)
    if (key === undefined || (dreg === undefined) === (sreg === undefined)) refuse(ERRNO.EINVAL)
    return (registers) => {
      if (dreg === undefined) {
        if (key !== CT_MARK) refuse(ERRNO.EOPNOTSUPP)
        return { told: { name: 'ct', data: { sreg: registers.use(sreg, 4), key } } }
      }
      const [size = family.addressSize, way] = CT_KEYS[key] ?? refuse(ERRNO.EOPNOTSUPP)
      if (direction === undefined ? way === 'needed' : way === undefined || direction > 1) refuse(ERRNO.EINVAL)
      const register = registers.fill(dreg, size)
      const told = way === 'untold' ? undefined : direction
      return { told: { name: 'ct', data: { dreg: register, key, ...(told !== undefined && { direction: told }) } } }
    }
  },

  counter:
    ({ packets = 0n, bytes = 0n }) =>
    () => ({ told: { name: 'counter', data: { bytes, packets } } }),

  limit({ rate, unit, burst = 0, type = 0, flags = 0 }) {
    if (type > 1) refuse(ERRNO.EOPNOTSUPP)
    return () => {
      if (rate === undefined || unit === undefined) refuse(ERRNO.EINVAL)
      if (rate === 0n) refuse(ERRNO.EINVAL)
      const time = unit * NANOSECONDS
      const many = type === 0 && burst === 0 ? BURST : burst
      const most = type === 0 ? (time / rate) * BigInt(many) : time * (rate + BigInt(many))
      if ([time, rate + BigInt(many), most].some((number) => number >= U64)) refuse(ERRNO.EOVERFLOW)
      if ((flags & ~NFT_LIMIT_F_INV) !== 0) refuse(ERRNO.EOPNOTSUPP)
      return { told: { name: 'limit', data: { rate, unit, burst: many, type, flags } } }
    }
  },

  log({ prefix, group, snaplen, qthreshold = 0, level, flags }) {
    if (prefix !== undefined && Buffer.byteLength(prefix) > LOG_MAX_PREFIX) refuse(ERRNO.ERANGE)
    return () => {
      const said = prefix === undefined ? {} : { prefix }
      if (group !== undefined) {
        if (level !== undefined || flags !== undefined) refuse(ERRNO.EINVAL)
        const data = { group, ...(snaplen !== undefined && { snaplen }), ...(qthreshold > 0 && { qthreshold }) }
        return { told: { name: 'log', data: { ...said, ...data } } }
      }
      if ((level ?? LOG_LEVEL) > LOG_MAX_LEVEL || ((flags ?? 0) & ~LOG_MASK) !== 0) refuse(ERRNO.EINVAL)
      const data = { ...said, level: level ?? LOG_LEVEL, ...(flags !== undefined && flags !== 0 && { flags }) }
      return { told: { name: 'log', data } }
    }
  },

  reject({ type, icmpCode }) {
    if ((type ?? 0) > MAX_LENGTH) refuse(ERRNO.ERANGE)
    return () => {
      const hasCode = type === NFT_REJECT.ICMP_UNREACH || type === NFT_REJECT.ICMPX_UNREACH
      if (type === undefined || (!hasCode && type !== NFT_REJECT.TCP_RST)) refuse(ERRNO.EINVAL)
      if (hasCode && icmpCode === undefined) refuse(ERRNO.EINVAL)
      if (type === NFT_REJECT.ICMPX_UNREACH && (icmpCode as number) >= ICMPX_CODES) refuse(ERRNO.EINVAL)
      const told: Expression = { name: 'reject', data: { type, ...(hasCode && { icmpCode }) } }
      return { told, check: only(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT']) }
    }
  },

  nat({ type, family, addressMin, addressMax, portMin, portMax, flags }, place) {
    return (registers) => {
      if (type === undefined || family === undefined) refuse(ERRNO.EINVAL)
      if (addressMin === undefined && portMin === undefined) refuse(ERRNO.EINVAL)
      const hooks = NAT_HOOKS[type] ?? refuse(ERRNO.EOPNOTSUPP)
      if (family !== place.family.domain) refuse(ERRNO.EOPNOTSUPP)
      const addresses = registerRange(registers, addressMin, addressMax, place.family.addressSize)
      const ports = registerRange(registers, portMin, portMax, PORT_SIZE)
      const all = rangeFlags(flags) | (addresses ? MAPS_ADDRESSES : 0) | (ports ? MAPS_PORTS : 0)
      const data = {
        type,
        family,
        ...(addresses && { addressMin: addresses[0], addressMax: addresses[1] }),
        ...(ports && { portMin: ports[0], portMax: ports[1] }),
        flags: all,
      }
      return { told: { name: 'nat', data }, check: only(hooks, 'nat') }
    }
  },

  masq({ flags, portMin, portMax }) {
    return (registers) => {
      const all = rangeFlags(flags)
      const ports = registerRange(registers, portMin, portMax, PORT_SIZE)
      const data = { ...(all !== 0 && { flags: all }), ...(ports && { portMin: ports[0], portMax: ports[1] }) }
      return { told: { name: 'masq', data }, check: only(['POSTROUTING'], 'nat') }
    }
  },

  redir({ portMin, portMax, flags }) {
    return (registers) => {
      const ports = registerRange(registers, portMin, portMax, PORT_SIZE)
      const all = flags === undefined ? (ports ? MAPS_PORTS : 0) : rangeFlags(flags)
      const data = { ...(ports && { portMin: ports[0], portMax: ports[1] }), ...(all !== 0 && { flags: all }) }
      return { told: { name: 'redir', data }, check: only(['PREROUTING', 'OUTPUT'], 'nat') }
    }
  },

  lookup({ set, sreg }) {
    return () => {
      if (set === undefined || sreg === undefined) refuse(ERRNO.EINVAL)
      return refuse(ERRNO.ENOENT, `there is no set ${set}: the in-process kernel has none of nf_tables`)
    }
  },

  match: (data, place) => place.compat({ name: 'match', data }),
  target: (data, place) => place.compat({ name: 'target', data }),
}

const LAST_CMP = 5
const LAST_BITWISE = 5

const PLAIN_VERDICTS: readonly number[] = [
  NFT_VERDICT.DROP,
  NFT_VERDICT.ACCEPT,
  NFT_VERDICT.CONTINUE,
  NFT_VERDICT.BREAK,
  NFT_VERDICT.RETURN,
]

function verdictOf(dreg: number, { code, chain }: NonNullable<Data['verdict']>, place: Place): KeptExpression {
  if (dreg !== NFT_REG_VERDICT || code === undefined) refuse(ERRNO.EINVAL)
  const told = (verdict: Data['verdict']): Expression => ({ name: 'immediate', data: { dreg, data: { verdict } } })
  if (PLAIN_VERDICTS.includes(code)) return { told: told({ code }) }
  if ((code !== NFT_VERDICT.JUMP && code !== NFT_VERDICT.GOTO) || chain === undefined) refuse(ERRNO.EINVAL)
  return { told: told({ code, chain }), jump: place.chainToGoTo(chain) }
}

/** Maximum number of expressions in a rule. */
const MAX_EXPRESSIONS = 128

/** @throws NftFailure */
export function takeExpressions(expressions: readonly Expression[], place: Place): KeptExpression[] {
  if (expressions.length > MAX_EXPRESSIONS) refuse(ERRNO.EINVAL)
  const makes = expressions.map((expression) => takeOne(expression, place))
  const registers = new Registers()
  return makes.map((make) => make(registers))
}

function takeOne(expression: Expression, place: Place): Make {
  const { name } = expression
  const take = Object.hasOwn(TAKE, name) ? (TAKE[name as ExpressionName] as Take<ExpressionName>) : undefined
  const data = isKnown(expression) ? expression.data : {}
  if (take === undefined || (!isKnown(expression) && expression.unknown !== undefined))
    return refuse(ERRNO.ENOENT, `the in-process kernel has no expression ${name}`)
  if ('unknown' in data)
    refuse(ERRNO.EOPNOTSUPP, `the in-process kernel does not know all attributes of the expression ${name}`)
  return take(data as never, place)
}
