/** The revisions of set types in an in-process kernel. */
import { isObject, type Taken } from '../../../check-input'
import { isSetType, type SetType, type SetTypeName, setType } from '../../../ipset/types'

/** The newest revisions of types. */
export type NewestRevisions = Readonly<Partial<Record<SetTypeName, number>>>

/** For types with newer revisions that are not supported, because no Linux that has them was available to compare with. */
const NEWEST: NewestRevisions = { 'hash:net,net': 3 }

export const revisionsOfTypes: Taken = {
  accepts: (value) => isObject(value) && Object.entries(value).every(([type, one]) => isRevisionOf(type, one)),
  expected: 'a revision of each type of sets, one that is known',
}

function isRevisionOf(name: string, revision: unknown): boolean {
  if (!isSetType(name) || !Number.isInteger(revision)) return false
  const [oldest, newest] = setType(name).revisions
  return (revision as number) >= oldest && (revision as number) <= newest
}

/** The oldest and the newest revision of a type. */
export function revisionsIn(given: NewestRevisions, { name, revisions: [oldest, newest] }: SetType): [number, number] {
  return [oldest, given[name] ?? NEWEST[name] ?? newest]
}
