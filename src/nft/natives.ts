/** Finds the extensions that can read a statement, by the source that the statement reads. */
import type { Family, FamilyName } from '../abi/family'
import { keyOf, type NativePart, type Statement, sourceKey, type Test } from '../extensions/native'
import { isSameTest } from '../extensions/native-tests'
import { findExtension, type Known, type PartKind } from '../extensions/registry'
import { HEADS } from '../ruleset/rule-head'

/** The extensions with a native form. They are listed here so that no others are loaded to find out. */
export const NATIVE_EXTENSIONS: Readonly<Record<PartKind, readonly string[]>> = {
  match: [
    'tcp',
    'udp',
    'sctp',
    'dccp',
    'icmp',
    'icmp6',
    'esp',
    'ah',
    'ipcomp',
    'conntrack',
    'state',
    'mark',
    'connmark',
    'limit',
    'iprange',
    'dscp',
    'ecn',
    'tos',
    'ttl',
    'hl',
    'length',
    'pkttype',
    'cpu',
    'owner',
    'devgroup',
    'realm',
    'cgroup',
    'addrtype',
    'mac',
    'statistic',
    'connbytes',
    'connlabel',
    'frag',
    'rt',
    'hbh',
    'dst',
  ],
  target: [
    'LOG',
    'NFLOG',
    'TRACE',
    'REJECT',
    'SNAT',
    'DNAT',
    'MASQUERADE',
    'REDIRECT',
    'MARK',
    'CONNMARK',
    'CLASSIFY',
    'NFQUEUE',
    'NOTRACK',
    'DSCP',
    'SYNPROXY',
    'TEE',
  ],
}

/** A part of a native form, with its extension. */
export interface Reader {
  readonly kind: PartKind
  readonly known: Known
  readonly part: NativePart
}

function headParts(family: FamilyName): Map<string, NativePart> {
  const parts = HEADS[family].variant.native?.parts ?? []
  return new Map(parts.flatMap((part) => part.keys.map((key) => [key, part] as const)))
}

const HEAD_PARTS = { ipv4: headParts('ipv4'), ipv6: headParts('ipv6') }

function readersOf(family: FamilyName): Map<string, Reader[]> {
  const readers = new Map<string, Reader[]>()
  for (const kind of ['match', 'target'] as const)
    for (const name of NATIVE_EXTENSIONS[kind]) {
      const extension = findExtension(kind, name)
      const variant = extension?.variants(family)[0]
      if (extension === undefined || variant === undefined) continue
      for (const part of variant.native?.parts ?? [])
        for (const key of part.keys)
          readers.set(key, [...(readers.get(key) ?? []), { kind, known: { extension, variant }, part }])
    }
  return readers
}

/** The tests that parts need, by source. */
function needsOf(family: FamilyName): Map<string, Test[]> {
  const parts = [...readersNow(family).values()].flat().map(({ part }) => part)
  const needs = new Map<string, Test[]>()
  for (const { needs: test } of parts)
    if (test !== undefined) needs.set(sourceKey(test.source), [...(needs.get(sourceKey(test.source)) ?? []), test])
  return needs
}

/** Built on first use: most rules contain extensions in their x_tables form. */
const made: Partial<Record<FamilyName, Map<string, Reader[]>>> = {}
const neededBy: Partial<Record<FamilyName, Map<string, Test[]>>> = {}

function readersNow(family: FamilyName): Map<string, Reader[]> {
  made[family] ??= readersOf(family)
  return made[family]
}

/** The part of the rule's head that reads a statement; undefined if it does not concern the head. */
export const headPart = ({ name }: Family, statement: Statement): NativePart | undefined =>
  HEAD_PARTS[name].get(keyOf(statement))

/** The parts that may read a statement. */
export const readers = ({ name }: Family, statement: Statement): readonly Reader[] =>
  readersNow(name).get(keyOf(statement)) ?? []

/** Whether a statement is a test that a part of some extension needs before it. */
export function isNeeded({ name }: Family, statement: Statement): boolean {
  neededBy[name] ??= needsOf(name)
  return neededBy[name].get(keyOf(statement))?.some((needs) => isSameTest(statement, needs)) ?? false
}
