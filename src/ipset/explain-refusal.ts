/** Converts the kernel's error numbers for sets to errors for users. */
import { ERRNO, errnoName } from '../abi/errno'
import { IPSET_ERR, IPSET_ERR_OF, IPSET_ERR_UNSAID } from '../abi/ip-set'
import { isObject, shown } from '../check-input'
import type { CodeOf } from '../error-codes'
import { NotFoundError, SetError, UnsupportedError } from '../errors'
import { explain, type Refusal } from '../netlink/refusal'
import type { SetTypeName } from './types'

export type Operation = 'create' | 'open' | 'add' | 'remove' | 'test' | 'list' | 'flush' | 'rename' | 'swap' | 'destroy'

/** A request about a set. `type` is the type of the set, if known. */
export interface Asked {
  readonly operation: Operation
  readonly set: string
  readonly type?: SetTypeName | undefined
  /** The second set of a swap, or the new name of a set. */
  readonly other?: string | undefined
  readonly entry?: unknown
  readonly index?: number | undefined
}

type ErrorsOf = typeof IPSET_ERR_OF
export type ErrorName = keyof typeof IPSET_ERR | { [K in keyof ErrorsOf]: keyof ErrorsOf[K] }[keyof ErrorsOf]

const REASONS: Readonly<Record<ErrorName, string>> = {
  PRIVATE: 'the kernel gives no reason',
  PROTOCOL: 'the message is not what this kernel expects',
  FIND_TYPE: 'this kernel has no such type of sets',
  MAX_SETS: 'there are as many sets as the kernel takes',
  BUSY: 'it is in use: a rule, another set or a reading of it refers to it',
  EXIST_SETNAME2: 'there is a set of the new name already',
  TYPE_MISMATCH: 'the two sets are of different types, or of different families',
  EXIST: 'it is in the set already',
  INVALID_CIDR: 'the length of the prefix is not one that the set takes',
  INVALID_NETMASK: 'the netmask is not one that the set takes',
  INVALID_FAMILY: 'it is not of the family of the set, or the type has no sets of this family',
  TIMEOUT: 'the set was made without timeout',
  REFERENCED: 'it is in use: a rule or another set refers to it',
  IPADDR_IPV4: 'an address of IPv4 is needed',
  IPADDR_IPV6: 'an address of IPv6 is needed',
  COUNTER: 'the set was made without counters',
  COMMENT: 'the set was made without comment',
  INVALID_MARKMASK: 'the markmask is not one that the set takes',
  SKBINFO: 'the set was made without skbinfo',
  BITMASK_NETMASK_EXCL: 'netmask and bitmask exclude each other',
  BITMAP_RANGE: 'it is outside of the range of the set',
  BITMAP_RANGE_SIZE: 'the range is larger than the kernel takes, which is 65536',
  HASH_FULL: 'the set is full: it has as many entries as its maxelem; make a larger set, and swap the two',
  HASH_ELEM: 'a set of this type cannot hold a zero there',
  INVALID_PROTO: 'the protocol is not one that the set takes',
  MISSING_PROTO: 'the protocol is missing',
  HASH_RANGE_UNSUPPORTED: 'the set takes no ranges there',
  HASH_RANGE: 'the range is not one that the set takes',
  NAME: 'there is no set of the name that is to be in the list',
  LOOP: 'a list of sets cannot be in a list of sets',
  BEFORE: 'the set beside which it is to stand is missing',
  NAMEREF: 'there is no set of the name beside which it is to stand',
  LIST_FULL: 'the list is full: it has as many sets as its size; make a larger list, and swap the two',
  REF_EXIST: 'the set beside which it is to stand is not in the list',
}

/** Reasons that differ in one operation. */
const REASONS_OF: Readonly<Partial<Record<Operation, Readonly<Partial<Record<ErrorName, string>>>>>> = {
  remove: { EXIST: 'it is not in the set' },
  create: { EXIST: 'there is a set of this name already, made otherwise' },
}

const ERRNO_REASONS: Readonly<Record<number, string>> = {
  [IPSET_ERR_UNSAID]: 'the kernel does not say why; the entry may have what the set was made without, as a timeout',
  [ERRNO.EBUSY]: 'another program reads it',
  [ERRNO.EEXIST]: 'there is a set of this name already',
  [ERRNO.ENOMEM]: 'the kernel has not enough memory for it',
  [ERRNO.EINVAL]: 'the kernel does not take it, and does not say why',
  [ERRNO.ERANGE]: 'a range of it is larger than the kernel takes at once',
}

const CODES: Readonly<Partial<Record<ErrorName, CodeOf<'SetError'>>>> = {
  BUSY: 'XT_SET_IN_USE',
  REFERENCED: 'XT_SET_IN_USE',
  EXIST_SETNAME2: 'XT_SET_EXISTS',
  TYPE_MISMATCH: 'XT_SET_OTHER_TYPE',
  EXIST: 'XT_ENTRY_EXISTS',
  HASH_FULL: 'XT_SET_FULL',
  LIST_FULL: 'XT_SET_FULL',
}

const CODES_OF: Readonly<Partial<Record<Operation, typeof CODES>>> = {
  remove: { EXIST: 'XT_NO_ENTRY' },
  create: { EXIST: 'XT_SET_OTHER_TYPE' },
}

const ERRNO_CODES: Readonly<Record<number, CodeOf<'SetError'>>> = {
  [ERRNO.EBUSY]: 'XT_SET_IN_USE',
  [ERRNO.EEXIST]: 'XT_SET_EXISTS',
}

const codeOf = (operation: Operation, name: ErrorName | undefined, errno: number): CodeOf<'SetError'> =>
  (name === undefined ? ERRNO_CODES[errno] : (CODES_OF[operation]?.[name] ?? CODES[name])) ?? 'XT_SET_REFUSED'

/** The name of an error for sets of this type, without the prefix IPSET_ERR_. */
export function errorName(errno: number, type: SetTypeName | undefined): ErrorName | undefined {
  const method = type?.slice(0, type.indexOf(':')) as keyof typeof IPSET_ERR_OF | undefined
  const known = { ...IPSET_ERR, ...(method && IPSET_ERR_OF[method]) }
  return Object.entries(known).find(([, value]) => value === errno)?.[0] as ErrorName | undefined
}

/** Converts a refusal by the kernel to the error that users get. */
export function explainSet(refusal: Refusal, asked: Asked): Error {
  const { errno } = refusal
  const { operation, set, type, other } = asked
  const cause = { cause: refusal }
  if (errno === ERRNO.EPERM || errno === ERRNO.EACCES) return explain(refusal)
  if (errno === ERRNO.ENOENT && operation !== 'create') return missing(set, cause)
  const name = errorName(errno, type)
  if (name === 'EXIST_SETNAME2' && operation === 'swap') return missing(other ?? '', cause)
  if (name === 'FIND_TYPE') return noType(type, cause)
  if (name === 'PROTOCOL')
    return new UnsupportedError(
      'XT_NO_IPSET',
      `set ${set}: this kernel has another version of the ipset protocol`,
      cause,
    )
  const own = name && (REASONS_OF[operation]?.[name] ?? REASONS[name])
  const where = refusal.attribute === undefined ? '' : ` (${refusal.attribute})`
  const said = refusal.reason === undefined ? undefined : `the kernel says: ${refusal.reason}${where}`
  const reason = [own ?? ERRNO_REASONS[errno] ?? errnoName(errno), said].filter(Boolean).join('; ')
  const told = name === undefined ? errnoName(errno) : `IPSET_ERR_${name}`
  return new SetError(codeOf(operation, name, errno), { ...asked, shown: shownEntry(asked.entry ?? other) }, reason, {
    errnoName: told,
    errno,
    cause: refusal,
  })
}

const missing = (set: string, cause: ErrorOptions): NotFoundError =>
  new NotFoundError('XT_NO_SET', `there is no set ${set}`, cause)

/** The kernel module of a set type: ip_set_hash_ipport for `hash:ip,port`. */
const moduleOf = (type: SetTypeName): string => `ip_set_${type.replace(':', '_').replaceAll(',', '')}`

const noType = (type: SetTypeName | undefined, cause: ErrorOptions): UnsupportedError =>
  new UnsupportedError(
    'XT_NO_SET_TYPE',
    `this kernel has no sets of type ${type}${type ? `: load their module (\`modprobe ${moduleOf(type)}\`)` : ''}`,
    cause,
  )

/** An entry as error messages show it. */
export function shownEntry(entry: unknown): string | undefined {
  if (!isObject(entry)) return entry === undefined || typeof entry === 'string' ? entry : shown(entry)
  try {
    return JSON.stringify(entry, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  } catch {
    return shown(entry)
  }
}
