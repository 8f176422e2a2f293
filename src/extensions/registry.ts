/** Every extension there is, and how to find one by what a person wrote or by what stands in a blob. */
import type { FamilyName } from '../abi/family'
import type { Extension, Variant } from './extension'
import { ALIASES, FACES, MODULES } from './modules'

export type PartKind = 'match' | 'target'

/** An extension together with the struct that one family and revision of it has. */
export interface Known {
  readonly extension: Extension
  readonly variant: Variant
}

const loaded: Readonly<Record<PartKind, Map<string, Extension>>> = { match: new Map(), target: new Map() }

/** Every rule of a text asks for its extensions: `require` would look for the file each time. */
function load(kind: PartKind, name: string): Extension {
  const known = loaded[kind].get(name)
  if (known !== undefined) return known
  const module = (MODULES[kind] as Readonly<Record<string, () => object>>)[name]?.()
  const extension = (module as Readonly<Record<string, Extension>>)[name] as Extension
  loaded[kind].set(name, extension)
  return extension
}

/** The extension of this name or alias, whatever its families. */
export function findExtension(kind: PartKind, name: string): Extension | undefined {
  if (Object.hasOwn(MODULES[kind], name)) return load(kind, name)
  return Object.hasOwn(ALIASES[kind], name) ? load(kind, ALIASES[kind][name] as string) : undefined
}

/** Other names that text may use for an extension. */
export const aliasesOf = ({ kind, name }: Extension): string[] =>
  kind === 'rule' ? [] : Object.keys(ALIASES[kind]).filter((alias) => ALIASES[kind][alias] === name)

/** What the kernel calls an extension, in one of its variants or in that which is written. */
export const kernelName = ({ kind, name }: Extension, variant?: Variant): string =>
  kind === 'rule' || variant?.isPlain ? name : (FACES[kind][name] ?? name)

/** All extensions of a kind. */
export const allExtensions = (kind: PartKind): Extension[] => Object.keys(MODULES[kind]).map((name) => load(kind, name))

/** Names of the extensions of a kind that a family has. */
export const extensionNames = (kind: PartKind, family: FamilyName): string[] =>
  allExtensions(kind)
    .filter(({ families }) => families.includes(family))
    .map(({ name }) => name)

/** What payloads under a name in a blob may be: those that demand fixed values first, as they are faces of the plain one. */
function named(kind: PartKind, family: FamilyName, name: string): Known[] {
  const faces = Object.keys(FACES[kind]).filter((face) => FACES[kind][face] === name)
  const own = Object.hasOwn(MODULES[kind], name) ? [name] : []
  return [...faces, ...own]
    .map((one) => load(kind, one))
    .flatMap((extension) => extension.variants(family).map((variant) => ({ extension, variant })))
    .filter(({ extension, variant }) => kernelName(extension, variant) === name)
}

/** Everything that payloads of this name and revision may be; empty for what is unknown here. */
export const knownPayloads = (kind: PartKind, family: FamilyName, name: string, revision: number): readonly Known[] =>
  named(kind, family, name).filter(({ variant }) => variant.revision === revision)

/** Revisions of a name in blobs that are understood here. */
export const knownRevisions = (kind: PartKind, family: FamilyName, name: string): number[] =>
  named(kind, family, name).map(({ variant }) => variant.revision)
