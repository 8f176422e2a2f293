/** Checks that the kernel returns the rules that it was given, and accepts them again. */
import type { Family } from '../../src/abi/family'
import type { Context } from '../../src/extensions/context'
import { readParameters } from '../../src/extensions/payload'
import type { Known } from '../../src/extensions/registry'
import { nextOffset } from '../../src/ruleset/entry'
import { entryExtensions } from '../../src/ruleset/entry-extensions'

/** Offsets of bytes that belong to the kernel: its notes, the counters, and state of extensions. */
function ownBytes(family: Family, entry: Uint8Array): Set<number> {
  const { nfcache, comefrom, pcnt, bcnt } = family.entry.fields
  const own = new Set<number>()
  const add = (offset: number, size: number): void => {
    for (let i = offset; i < offset + size; i++) own.add(i)
  }
  for (const { offset, size } of [nfcache, comefrom, pcnt, bcnt]) add(offset, size)
  for (const { at, size, known } of entryExtensions(family, entry)) {
    if (known === undefined) continue
    add(at + known.variant.struct.size, size - known.variant.struct.size)
    known.variant.private.forEach((mark, i) => {
      if (mark === 1) add(at + i, 1)
    })
  }
  return own
}

/** Bytes of an entry that the kernel returned differently, although they do not belong to it. */
function changedBytes(family: Family, before: Uint8Array, after: Uint8Array): string[] {
  const own = ownBytes(family, before)
  return [...before.keys()]
    .filter((i) => before[i] !== after[i] && !own.has(i))
    .map((i) => `byte ${i} was ${before[i]}, is ${after[i]}`)
}

/** The parameters of a payload as users see them. */
function parametersOf(known: Known, bytes: Uint8Array, at: number, context: Context): Map<string, string> {
  const parameters = readParameters(known, bytes, at, context)
  return new Map(
    parameters.map(({ name, negated, words }) => [name, JSON.stringify(negated ? ['!', ...words] : words)]),
  )
}

/**
 * Parameters of an entry that the kernel returned differently, although no loss of them is declared. They may be in
 * bytes that belong to the kernel.
 */
function changedParameters(context: Context, before: Uint8Array, after: Uint8Array): string[] {
  return entryExtensions(context.family, before).flatMap(({ kind, at, known }) => {
    if (known === undefined) return []
    const [given, handed] = [before, after].map((bytes) => parametersOf(known, bytes, at, context)) as [
      Map<string, string>,
      Map<string, string>,
    ]
    const isLost = (name: string): boolean =>
      known.variant.losses.some(({ parameter, isAt }) => parameter === name && isAt(after, at))
    return [...new Set([...given.keys(), ...handed.keys()])]
      .filter((name) => given.get(name) !== handed.get(name) && !isLost(name))
      .map((name) => `${kind} ${known.extension.name} --${name} was ${given.get(name)}, is ${handed.get(name)}`)
  })
}

/** Differences between the given entries and those that the kernel returned. */
export function unfaithful(context: Context, given: Uint8Array, handed: Uint8Array): string[] {
  const { family } = context
  const found: string[] = []
  for (let at = 0; at < given.length; at += nextOffset(family, given, at)) {
    const end = at + nextOffset(family, given, at)
    const [before, after] = [given.subarray(at, end), handed.subarray(at, end)]
    const changes = [...changedBytes(family, before, after), ...changedParameters(context, before, after)]
    found.push(...changes.map((change) => `of the entry at ${at}, ${change}`))
  }
  return found
}
