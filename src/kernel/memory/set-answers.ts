/** Answers getsockopt(SO_IP_SET) as Linux does. Parts of the request that Linux does not fill in are left unchanged. */
import { ERRNO } from '../../abi/errno'
import {
  getSet,
  getSetFamily,
  IP_SET_OP_GET_BYINDEX,
  IP_SET_OP_GET_FNAME,
  IP_SET_OP_VERSION,
  IPSET_INVALID_ID,
  SET_FAMILIES,
  SET_NAME_SIZE,
  setVersion,
} from '../../abi/ip-set'
import { u16, u32 } from '../../binary/codec'
import { encodeText, readText } from '../../binary/text'
import { SockoptFailure } from '../kernel'
import type { SetList } from './set-list'

/** The newest version of the protocol, and the oldest that is accepted. */
const VERSION = 7
const OLDEST_VERSION = 6

/** `IP_SET_OP_GET_BYNAME` returns only the index of a set. It has the struct of `IP_SET_OP_GET_BYINDEX`. */
const IP_SET_OP_GET_BYNAME = 0x06

type Answer = (sets: SetList, value: Uint8Array) => void

const operations: Readonly<Record<number, { size: number; answer: Answer }>> = {
  [IP_SET_OP_VERSION]: { size: setVersion.size, answer: tellVersion },
  [IP_SET_OP_GET_FNAME]: { size: getSetFamily.size, answer: tellFamily },
  [IP_SET_OP_GET_BYNAME]: { size: getSet.size, answer: tellIndex },
  [IP_SET_OP_GET_BYINDEX]: { size: getSet.size, answer: tellName },
}

/** @throws SockoptFailure */
export function answerSets(sets: SetList, value: Uint8Array): void {
  if (value.length < setVersion.size) throw new SockoptFailure(ERRNO.EINVAL)
  const op = u32.read(value, 0)
  if (op !== IP_SET_OP_VERSION && setVersion.fields.version.read(value, 0) < OLDEST_VERSION)
    throw new SockoptFailure(ERRNO.EPROTO)
  const operation = operations[op]
  if (operation === undefined) throw new SockoptFailure(ERRNO.EBADMSG)
  if (value.length !== operation.size) throw new SockoptFailure(ERRNO.EINVAL)
  operation.answer(sets, value)
}

function tellVersion(_sets: SetList, value: Uint8Array): void {
  setVersion.fields.version.write(value, 0, VERSION)
}

/** The union contains a name in the request and an index in the answer. */
function swapNameForIndex(value: Uint8Array, at: number, index: number | undefined): void {
  value[at + SET_NAME_SIZE - 1] = 0
  u16.write(value, at, index ?? IPSET_INVALID_ID)
}

/** Linux ends a name that fills its field at the last byte of that. */
const nameAt = (value: Uint8Array, at: number): string => readText(value, at, SET_NAME_SIZE - 1)

function tellIndex(sets: SetList, value: Uint8Array): void {
  const at = getSet.fields.set.offset
  swapNameForIndex(value, at, sets.byName(nameAt(value, at))?.index)
}

function tellFamily(sets: SetList, value: Uint8Array): void {
  const at = getSetFamily.fields.set.offset
  const entry = sets.byName(nameAt(value, at))
  swapNameForIndex(value, at, entry?.index)
  if (entry !== undefined) getSetFamily.fields.family.write(value, 0, SET_FAMILIES[entry.family])
}

function tellName(sets: SetList, value: Uint8Array): void {
  const at = getSet.fields.set.offset
  const index = u16.read(value, at)
  if (!sets.hasSlot(index)) throw new SockoptFailure(ERRNO.EINVAL)
  const name = encodeText(sets.byIndex(index) ?? '')
  value.set(name, at)
  value[at + name.length] = 0
}
