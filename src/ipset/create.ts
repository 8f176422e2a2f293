/** Creates and identifies sets. */
import type { FamilyName } from '../abi/family'
import { SET_FAMILIES, SET_NAME_SIZE, setFamily } from '../abi/ip-set'
import { NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink'
import { shown } from '../check-input'
import { SetError, UnsupportedError } from '../errors'
import { readMessage } from '../netlink/message'
import { Unfit, writeFields } from './entries'
import type { Operation } from './explain-refusal'
import { checkedName, Mismatch } from './fields'
import { commands } from './messages'
import { ask, type ExistOption, type Steps, simply } from './sets'
import { isSetType, type SetType, setType } from './types'

/** @throws SetError */
export function validName(name: unknown, operation: Operation): string {
  try {
    return checkedName(name)
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    const reason = `the name of a set is text of 1 to ${SET_NAME_SIZE - 1} bytes without NUL`
    throw new SetError('XT_SET_INVALID', { set: shown(name), operation }, reason, { cause: error })
  }
}

export interface Identity {
  readonly type: SetType
  readonly family: FamilyName | 'any'
  readonly revision: number
}

/** The revisions of a type that the kernel has. @throws UnsupportedError if it lacks the type */
export function* kernelRevisions(set: string, type: SetType, family: FamilyName | 'any'): Steps<[number, number]> {
  const values = { typename: type.name, family: SET_FAMILIES[family] }
  const [answer] = yield* simply(ask(commands.type, values), { operation: 'create', set, type: type.name })
  if (answer === undefined)
    throw new UnsupportedError('XT_NO_SET_TYPE', `the kernel does not say which revisions of ${type.name} it has`)
  const { revision: newest = 0, revisionMin: oldest = 0 } = readMessage(commands.type, answer).values
  return [oldest, newest]
}

/** The revision of a type to use. It checks that the revision knows all options that are given. */
function* revisionFor(set: string, type: SetType, family: FamilyName | 'any', used: readonly string[]): Steps<number> {
  const [oldest, newest] = yield* kernelRevisions(set, type, family)
  const [ours, ourNewest] = type.revisions
  if (newest < ours || oldest > ourNewest)
    throw new UnsupportedError(
      'XT_NO_SET_TYPE',
      `the kernel has revisions ${oldest} to ${newest} of ${type.name}; xtables knows ${ours} to ${ourNewest}`,
    )
  const revision = Math.min(newest, ourNewest)
  const unknown = used.find((option) => (type.since[option] ?? 0) > revision)
  if (unknown !== undefined)
    throw new UnsupportedError(
      'XT_NO_SET_TYPE',
      `set ${set}: ${unknown} requires revision ${type.since[unknown]} of ${type.name}; the kernel has ${newest}`,
    )
  return revision
}

/** @throws SetError */
function familyFor(set: string, { families, name }: SetType, family: unknown): FamilyName | 'any' {
  const known = family === undefined ? families[0] : families.find((one) => one === family)
  if (known !== undefined) return known
  throw new SetError(
    'XT_SET_INVALID',
    { set, operation: 'create' },
    `the family of a ${name} must be ${families.join(' or ')}, not ${shown(family)}`,
  )
}

/** Creates a set. */
export function* creation(
  name: string,
  type: SetType,
  { family: given, ...options }: Record<string, unknown>,
  { exist = false }: ExistOption,
): Steps<Identity> {
  const family = familyFor(name, type, given)
  const data = createData(name, type, options, family)
  const used = Object.keys(options).filter((option) => options[option] !== undefined && options[option] !== false)
  const revision = yield* revisionFor(name, type, family, used)
  const values = { setname: name, typename: type.name, revision, family: SET_FAMILIES[family], data }
  const request = ask(commands.create, values, NLM_F_CREATE | (exist ? 0 : NLM_F_EXCL))
  yield* simply(request, { operation: 'create', set: name, type: type.name })
  return { type, family, revision }
}

/** @throws SetError */
function createData(set: string, type: SetType, options: object, family: FamilyName | 'any') {
  try {
    return writeFields(type.create, options, { family, operation: 'create' })
  } catch (error) {
    if (error instanceof Unfit)
      throw new SetError('XT_SET_INVALID', { set, operation: 'create' }, error.message, { cause: error })
    throw error
  }
}

/** Finds out the type, family and revision of a set. */
export function* identification(name: string): Steps<Identity> {
  const [answer] = yield* simply(ask(commands.header, { setname: name }), { operation: 'open', set: name })
  if (answer === undefined)
    throw new UnsupportedError('XT_NO_SET_TYPE', `set ${name}: the kernel does not say what it is`)
  return identityOf(name, readMessage(commands.header, answer).values)
}

type Described = { typename?: string | undefined; family?: number | undefined; revision?: number | undefined }

/** @throws UnsupportedError */
export function identityOf(set: string, { typename, family, revision = 0 }: Described): Identity {
  if (!isSetType(typename))
    throw new UnsupportedError('XT_NO_SET_TYPE', `set ${set} is of type ${typename}, which is not known here`)
  return { type: setType(typename), family: setFamily(family), revision }
}
