/** All extensions, and how to find one by a name in text or by a name and revision in a blob. */
import type { FamilyName } from '../abi/family'
import type { Extension, Variant } from './extension'
import { ALIASES, FACES, MODULES } from './modules'

export type PartKind = 'match' | 'target'

/** An extension with the variant for one family and revision. */
export interface Known {
  readonly extension: Extension
  readonly variant: Variant
}

const loaded: Readonly<Record<PartKind, Map<string, Extension>>> = { match: new Map(), target: new Map() }

/** Cached here: every rule of a text looks up its extensions, and `require` would resolve the file each time. */
function load(kind: PartKind, name: string): Extension {
  const known = loaded[kind].get(name)
  if (known !== undefined) return known
  const module = (MODULES[kind] as Readonly<Record<string, () => object>>)[name]?.()
  const extension = (module as Readonly<Record<string, Extension>>)[name] as Extension
  loaded[kind].set(name, extension)
  return extension
}

/** The extension with this name or alias, in any family. */
export function findExtension(kind: PartKind, name: string): Extension | undefined {
  if (Object.hasOwn(MODULES[kind], name)) return load(kind, name)
  return Object.hasOwn(ALIASES[kind], name) ? load(kind, ALIASES[kind][name] as string) : undefined
}

/** Other names that text may use for an extension. */
export const aliasesOf = ({ kind, name }: Extension): string[] =>
  kind === 'rule' ? [] : Object.keys(ALIASES[kind]).filter((alias) => ALIASES[kind][alias] === name)

/** The kernel's name for an extension: of the given variant, or of the one that is written. */
export const kernelName = ({ kind, name }: Extension, variant?: Variant): string =>
  kind === 'rule' || variant?.isPlain ? name : (FACES[kind][name] ?? name)

/** All extensions of a kind. */
export const allExtensions = (kind: PartKind): Extension[] => Object.keys(MODULES[kind]).map((name) => load(kind, name))

/** Names of the extensions of a kind that exist in a family. */
export const extensionNames = (kind: PartKind, family: FamilyName): string[] =>
  allExtensions(kind)
    .filter(({ families }) => families.includes(family))
    .map(({ name }) => name)

/**
 * The extensions that may use a name in a blob. Those with fixed values come first, because they share the
 * struct of the plain one.
 */
function named(kind: PartKind, family: FamilyName, name: string): Known[] {
  const faces = Object.keys(FACES[kind]).filter((face) => FACES[kind][face] === name)
  const own = Object.hasOwn(MODULES[kind], name) ? [name] : []
  return [...faces, ...own]
    .map((one) => load(kind, one))
    .flatMap((extension) => extension.variants(family).map((variant) => ({ extension, variant })))
    .filter(({ extension, variant }) => kernelName(extension, variant) === name)
}

/** All extensions that a payload with this name and revision may belong to; empty if it is unknown here. */
export const knownPayloads = (kind: PartKind, family: FamilyName, name: string, revision: number): readonly Known[] =>
  named(kind, family, name).filter(({ variant }) => variant.revision === revision)

/** The revisions of a name in blobs that are understood here. */
export const knownRevisions = (kind: PartKind, family: FamilyName, name: string): number[] =>
  named(kind, family, name).map(({ variant }) => variant.revision)
