/** The messages of ipset(8) for refusals by the kernel. */
import { ERRNO } from '../../abi/errno'
import { type ErrorName, errorName } from '../explain-refusal'
import type { SetTypeName } from '../types'

export type Action = 'create' | 'add' | 'del' | 'test' | 'list' | 'flush' | 'rename' | 'swap' | 'destroy' | 'open'

const NO_SET = 'The set with the given name does not exist'
const EXISTS = 'Set cannot be created: set with the same name already exists'

const WORDS: Readonly<Partial<Record<ErrorName, string>>> = {
  PROTOCOL: 'Kernel error received: ipset protocol error',
  FIND_TYPE: 'Kernel error received: set type not supported',
  MAX_SETS: 'Kernel error received: maximal number of sets reached, cannot create more.',
  INVALID_CIDR: 'The value of the CIDR parameter of the IP address is invalid',
  INVALID_NETMASK: 'The value of the netmask parameter is invalid',
  INVALID_FAMILY: 'Protocol family not supported by the set type',
  TIMEOUT: 'Timeout cannot be used: set was created without timeout support',
  IPADDR_IPV4: 'An IPv4 address is expected, but not received',
  IPADDR_IPV6: 'An IPv6 address is expected, but not received',
  COUNTER: 'Packet/byte counters cannot be used: set was created without counter support',
  COMMENT: 'Comment cannot be used: set was created without comment support',
  INVALID_MARKMASK: 'The value of the markmask parameter is invalid',
  SKBINFO: 'Skbinfo mapping cannot be used: set was created without skbinfo support',
  BITMASK_NETMASK_EXCL: 'netmask and bitmask options are mutually exclusive, provide only one',
  BITMAP_RANGE: 'Element is out of the range of the set',
  BITMAP_RANGE_SIZE: 'The range you specified exceeds the size limit of the set type',
  HASH_FULL: 'Hash is full, cannot add more elements',
  HASH_ELEM: 'Null-valued element, cannot be stored in a hash type of set',
  INVALID_PROTO: 'Invalid protocol specified',
  MISSING_PROTO: 'Protocol missing, but must be specified',
  HASH_RANGE_UNSUPPORTED: 'Range is not supported in the "net" component of the element',
  HASH_RANGE: 'Invalid range, covers the whole address space',
  NAME: 'Set to be added/deleted/tested as element does not exist.',
  LOOP: 'Sets with list:set type cannot be added to the set.',
  BEFORE: 'No reference set specified.',
  NAMEREF: "The set to which you referred with 'before' or 'after' does not exist.",
  LIST_FULL: 'The set is full, more elements cannot be added.',
  REF_EXIST: "The set to which you referred with 'before' or 'after' is not added to the set.",
}

const WORDS_OF: Readonly<Partial<Record<Action, Readonly<Partial<Record<ErrorName, string>>>>>> = {
  add: { EXIST: "Element cannot be added to the set: it's already added" },
  del: { EXIST: "Element cannot be deleted from the set: it's not added" },
  destroy: { BUSY: 'Set cannot be destroyed: it is in use by a kernel component' },
  rename: {
    EXIST_SETNAME2: 'Set cannot be renamed: a set with the new name already exists',
    REFERENCED: 'Set cannot be renamed: it is in use by another system',
  },
  swap: {
    EXIST_SETNAME2: 'Sets cannot be swapped: the second set does not exist',
    TYPE_MISMATCH: 'The sets cannot be swapped: their type does not match',
  },
}

/** Messages of strerror(3) for the errors that the kernel can return for sets. */
const ERRNO_WORDS: Readonly<Record<number, string>> = {
  [ERRNO.EPERM]: 'Operation not permitted',
  [ERRNO.ENOMEM]: 'Cannot allocate memory',
  [ERRNO.EACCES]: 'Permission denied',
  [ERRNO.EBUSY]: 'Device or resource busy',
  [ERRNO.EEXIST]: 'File exists',
  [ERRNO.EINVAL]: 'Invalid argument',
  [ERRNO.EOPNOTSUPP]: 'Operation not supported',
}

/** @param type the type of the set, if known */
export function refusalWords(errno: number, action: Action, type?: SetTypeName): string {
  if (errno === ERRNO.ENOENT) return NO_SET
  if (errno === ERRNO.EEXIST && action === 'create') return EXISTS
  if (errno === ERRNO.ERANGE) return 'The specified range is too large, split it up into smaller ranges'
  const name = errorName(errno, type)
  const known = name && (WORDS_OF[action]?.[name] ?? WORDS[name])
  if (known !== undefined) return known
  if (errno < 4096) return `Kernel error received: ${ERRNO_WORDS[errno] ?? `Unknown error ${errno}`}`
  return `Undecoded error ${errno} received from kernel`
}
