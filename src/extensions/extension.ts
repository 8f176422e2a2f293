/**
 * The language in which extensions are declared. An extension is declared once, as data: its structs, its
 * options, and what the kernel requires of a rule that uses it. Encoding, decoding, validation, printing and
 * the types of its parameters are derived from that.
 */

import { FAMILIES, type FamilyName } from '../abi/family'
import { type Hook, NO_IN, NO_OUT, type TableName } from '../abi/netfilter'
import { PROTOCOLS, type ProtocolName } from '../abi/protocols'
import { align } from '../abi/x-tables'
import type { Field } from '../binary/codec'
import type { Extent, Fields, Struct } from '../binary/struct'
import type { Context } from './context'
import type { Asks, Does } from './evaluation'
import { headed, type Lister } from './listing'
import type { Native } from './native'
import type { Option } from './option'

/**
 * What kind of declaration it is. `rule` is the part of a rule outside its matches and target, which is
 * declared in the same language.
 */
export type Kind = 'match' | 'target' | 'rule'
export type Options = Readonly<Record<string, Option>>

/** What the kernel requires of a rule that uses the extension. It refuses a rule that does not comply. */
export interface Demands {
  /** The rule must have `-p` with one of these protocols, without `!`. */
  readonly protocols?: readonly ProtocolName[]
  /** The rule must be in one of these tables. */
  readonly tables?: readonly TableName[]
  /** The rule must be reachable only from these hooks. */
  readonly hooks?: readonly Hook[]
}

/** The fields of a rule's head that a check may depend on. */
export interface RuleHead {
  /** 0 means any protocol. */
  readonly protocol: number
  readonly protocolNegated: boolean
  /** The content of the protocol field, even where IPv6 lacks the flag that makes the field count. */
  readonly storedProtocol: number
}

/** Whether a rule matches only these protocols. */
export const isProtocol = (rule: RuleHead, protocols: readonly ProtocolName[]): boolean =>
  !rule.protocolNegated && hasNumber(protocols, rule.protocol)

/** As {@link isProtocol}, for checks in which Linux ignores the flag that makes the protocol count. */
export const isStoredProtocol = (rule: RuleHead, protocols: readonly ProtocolName[]): boolean =>
  !rule.protocolNegated && hasNumber(protocols, rule.storedProtocol)

const hasNumber = (protocols: readonly ProtocolName[], number: number): boolean =>
  protocols.some((name) => PROTOCOLS[name] === number)

/** Why something is refused: the reason, the parameter at fault, and the kernel's errno if it is not EINVAL. */
export interface Fault {
  readonly reason: string
  readonly parameter?: string
  readonly errno?: number
}

/** Plain text is a reason that concerns no particular parameter. */
export type Reason = string | Fault

/** Makes a reason that concerns one parameter, named as iptables prints it. */
export const about = (parameter: string, reason: string, errno?: number): Fault => ({
  reason,
  parameter,
  ...(errno !== undefined && { errno }),
})

/** The reason to refuse a rule whose `-p` is not one of the protocols that an extension needs. */
export const needsProtocol = (protocols: readonly ProtocolName[]): Fault =>
  about('protocol', `needs -p ${protocols.join(' or ')}`)

export const faultOf = (reason: Reason): Fault => (typeof reason === 'string' ? { reason } : reason)

/** The text of an error about an extension. It names the option at fault unless the reason already does. */
export function faultText({ kind, name }: Extension, { options }: Variant, why: Reason): string {
  const { reason, parameter } = faultOf(why)
  const option = parameter === undefined ? undefined : options.get(parameter)
  const spelled = `--${option?.section?.name ?? parameter}`
  return `${kind} ${name}: ${option === undefined || reason.includes(spelled) ? '' : `${spelled}: `}${reason}`
}

/** A rule as checks see it: its head, where it is, and its matches. */
export interface PlacedRule extends RuleHead {
  readonly table: string
  /** The hooks from which the rule can be reached. */
  readonly hooks: readonly Hook[]
  /** Whether a set with this index exists, as far as is known. */
  hasSet(index: number): boolean
  /** Each match with the offset of its payload in the bytes that are checked. */
  readonly matches: readonly { readonly name: string; readonly at: number }[]
}

/**
 * Refuses the option `what` where packets have no input interface: in rules that are reached from OUTPUT or
 * POSTROUTING.
 */
export const withoutIn = (what: string, { hooks }: PlacedRule): Reason | undefined =>
  hooks.some((hook) => NO_IN.includes(hook))
    ? about(what, `--${what} needs an input interface, which packets do not have in OUTPUT and POSTROUTING`)
    : undefined

/** As {@link withoutIn}, for the output interface. */
export const withoutOut = (what: string, { hooks }: PlacedRule): Reason | undefined =>
  hooks.some((hook) => NO_OUT.includes(hook))
    ? about(what, `--${what} needs an output interface, which packets do not have in PREROUTING and INPUT`)
    : undefined

/** Returns the reason to refuse this payload in this rule, if there is one. */
export type Check = (bytes: Uint8Array, at: number, rule: PlacedRule) => Reason | undefined

/** A possible reason why the kernel refused a payload, where only the kernel can decide. */
export interface Suspicion extends Fault {
  readonly errno: number
  /** Whether it depends on what exists in the network namespace. */
  readonly local: boolean
}

/** Makes a {@link Suspicion}: a possible reason, and the errno that the kernel returns for it. */
export const suspicion = (parameter: string, errno: number, reason: string, local = false): Suspicion => ({
  reason,
  parameter,
  errno,
  local,
})

/** Returns what only the kernel can decide about this payload. */
export type Suspect = (bytes: Uint8Array, at: number) => readonly Suspicion[]

/** A parameter that the kernel does not return as it was given, so that it cannot be written back. */
export interface Loss {
  readonly parameter: string
  /** What the kernel returns instead, and what happens if that is written back. It is part of a sentence. */
  readonly reason: string
  /** Whether a payload read from the kernel may have lost part of it. */
  readonly isAt: (bytes: Uint8Array, at: number) => boolean
}

/** As {@link Check}, for what iptables refuses although the kernel would accept it. */
export type Usage = (bytes: Uint8Array, at: number, rule: RuleHead) => Reason | undefined

/**
 * Checks that `invflags` has no bit that is not set in `flags`.
 * @param parameters the parameter of each bit, from the lowest
 */
export const invertsGiven =
  (flags: Field<number>, invflags: Field<number>, parameters: readonly string[]): Check =>
  (bytes, at) => {
    const stray = invflags.read(bytes, at) & ~flags.read(bytes, at)
    const parameter = parameters.find((_, i) => (stray & (1 << i)) !== 0)
    return parameter === undefined ? undefined : about(parameter, `--${parameter} is inverted but not given`)
  }

/** Whether a text has its NUL where the kernel looks for it: in the last byte. */
export const isTerminated = ({ offset, size }: Extent, bytes: Uint8Array, at: number): boolean =>
  bytes[at + offset + size - 1] === 0

/** A statement of nft that comes after all others of a rule. */
export interface Remark {
  readonly remark: string
}

/**
 * Words of nft that refer to a set, which must exist first: its name without a number, and the type of its
 * elements.
 */
export interface InSet {
  readonly set: string
  readonly type: string
  readonly words: (name: string) => string
}

/** Returns the words of nft for a payload; undefined if there are none, or if its statements provide them. */
export type Translate = (bytes: Uint8Array, at: number, context: Context) => string | Remark | InSet | undefined

type AnyStruct = Pick<Struct, 'cName' | 'size' | 'align'>
type Layout = AnyStruct | Readonly<Partial<Record<FamilyName, AnyStruct>>>
type Layouts = Readonly<Record<number, Layout>>
type LayoutOf<L> = L extends Struct<infer S> ? Fields<S> : L extends AnyStruct ? never : LayoutOf<L[keyof L]>
type FieldsOf<R> = LayoutOf<R[keyof R]>

/** A field that always holds one value. It distinguishes this extension from others with the same struct. */
export type Fixed = { readonly field: Field<unknown>; readonly value: unknown }
/** Makes a {@link Fixed}: a field and the value that it always holds, for the key `fixed` of a declaration. */
export const fixed = <T>(field: Field<T>, value: T): Fixed => ({ field: field as Field<unknown>, value })

interface Declaration<R, O> extends Demands {
  /** The families that have the extension. Default: both. */
  families?: readonly FamilyName[]
  /** The struct of each revision, for both families or per family. The highest revision is written. */
  revisions: R
  /** The revision that is written, if it is not the highest. */
  written?: number | Readonly<Record<FamilyName, number>>
  /**
   * For an extension that shares its struct with another: the revisions that the kernel has under the
   * extension's own name.
   */
  plain?: readonly number[]
  /** The options by their iptables names, in the order in which iptables prints them. */
  options: (fields: FieldsOf<R>, family: FamilyName) => O
  /** Fields that always hold one value. */
  fixed?: (fields: FieldsOf<R>) => readonly Fixed[]
  /**
   * The values of fields in every payload that can be written as text. The kernel accepts other values too;
   * such payloads are kept as bytes.
   */
  worded?: (fields: FieldsOf<R>) => readonly Fixed[]
  /** Fields that only the kernel uses. It returns them as zeros. */
  private?: (fields: FieldsOf<R>) => readonly Extent[]
  /** Bytes that have no meaning in this family, whatever they hold. */
  unused?: (fields: FieldsOf<R>, family: FamilyName) => readonly Extent[]
  /** At least one option is required; or at least one from each of these lists. */
  atLeastOne?: boolean | readonly (readonly string[])[]
  /** Flag fields, each with the bits that the kernel knows. It refuses all others. */
  bits?: (fields: FieldsOf<R>, revision: number) => readonly (readonly [field: Field<number>, known: number])[]
  /** Other checks that the kernel makes. */
  check?: (fields: FieldsOf<R>, family: FamilyName) => Check
  /** What only the kernel can decide: the names of things that it must have, and its own limits. */
  suspects?: (fields: FieldsOf<R>, family: FamilyName) => Suspect
  /** Parameters that the kernel does not return as they were given. */
  losses?: (fields: FieldsOf<R>) => readonly Loss[]
  /**
   * What happens to the kernel's count whenever the table is replaced, whatever changes: a sentence without
   * its end.
   */
  restarts?: string
  /** What iptables refuses although the kernel would accept it. */
  usage?: (fields: FieldsOf<R>, family: FamilyName) => Usage
  /** Options that other options depend on while they are stored. They are stored first, wherever they are in a rule. */
  leading?: readonly (keyof O & string)[]
  /** Its form in nf_tables expressions, if it has one. */
  native?: (fields: FieldsOf<R>, family: FamilyName) => Native | undefined
  /** What a match tests in packets, if its native form does not say it. */
  asks?: (fields: FieldsOf<R>, family: FamilyName) => Asks
  /** What a target does to packets, if its native form does not say it. */
  does?: (fields: FieldsOf<R>, family: FamilyName) => Does
  /** Its words in nft, if no statements say them or iptables-translate prints others. */
  translate?: (fields: FieldsOf<R>, family: FamilyName) => Translate
  /** No blank is printed before it in a listing. */
  adjoins?: boolean
  /** The text in a listing before the options, or instead of them. */
  list?: string | ((fields: FieldsOf<R>, family: FamilyName) => Lister)
}

/** One struct of an extension: describes a payload of this family and revision. */
export interface Variant {
  readonly family: FamilyName
  readonly revision: number
  /**
   * Whether the kernel uses the extension's own name for it, although other variants share another
   * extension's struct.
   */
  readonly isPlain: boolean
  readonly struct: Struct
  /** Size of the payload in bytes, with the kernel's padding. */
  readonly size: number
  /** A payload with no option given. */
  readonly initial: Uint8Array
  readonly options: ReadonlyMap<string, Option>
  /** Maps names and aliases to the name in `options`. */
  readonly names: ReadonlyMap<string, string>
  /**
   * For each section of a text, maps the names allowed in it to the name in `options`. Most extensions have
   * one section.
   */
  readonly spellings: readonly ReadonlyMap<string, string>[]
  readonly fixed: readonly Fixed[]
  /** As `fixed`, for payloads that can be written as text. */
  readonly worded: readonly Fixed[]
  readonly leading: readonly string[]
  /** Per byte, 1 where it is part of what a rule says. */
  readonly visible: Uint8Array
  /** Per byte, 1 where the kernel keeps data of its own. */
  readonly private: Uint8Array
  readonly check: Check | undefined
  readonly suspects: Suspect | undefined
  readonly losses: readonly Loss[]
  readonly usage: Usage | undefined
  readonly native: Native | undefined
  readonly asks: Asks | undefined
  readonly does: Does | undefined
  readonly translate: Translate | undefined
  readonly list: Lister
  /** What is printed before it in a listing. */
  readonly blank: '' | ' '
  /** Whether it refers to things in one network namespace. */
  readonly isLocal: boolean
}

export interface Extension<N extends string = string, O = Options> {
  readonly kind: Kind
  readonly name: N
  readonly families: readonly FamilyName[]
  readonly demands: Demands
  /** Lists of options, each of which needs at least one; true if any option will do. */
  readonly atLeastOne: boolean | readonly (readonly string[])[]
  /** What the kernel forgets each time the table is replaced, which every edit does. */
  readonly restarts: string | undefined
  /** For one family: the variant that is written, then the others, newest first. */
  variants(family: FamilyName): readonly Variant[]
  /** Carries the options for the compiler; never set at run time. */
  readonly declared?: O
}

const structOf = (layout: Layout, family: FamilyName): Struct | undefined =>
  ('cName' in layout ? layout : layout[family]) as Struct | undefined

function namesOf(options: Options): Map<string, string> {
  const names = new Map<string, string>()
  for (const [name, { aliases }] of Object.entries(options))
    for (const one of [name, ...aliases]) {
      if (names.has(one)) throw new Error(`option ${one} is declared twice`)
      names.set(one, name)
    }
  return names
}

function spellingsOf(options: Options, names: ReadonlyMap<string, string>): ReadonlyMap<string, string>[] {
  const sectioned = Object.values(options).flatMap(({ section }) => section ?? [])
  const anywhere = [...names].filter(([, name]) => options[name]?.section === undefined)
  const spellings = [new Map(anywhere), ...sectioned.map(() => new Map(anywhere))]
  return spellings.slice(0, 1 + Math.max(0, ...sectioned.map(({ index }) => index))).map((map, i) => {
    // The option that opens a section belongs to the section before it.
    for (const [name, { section }] of Object.entries(options))
      if (section !== undefined && section.index === (section.name === section.opener ? i + 1 : i))
        map.set(section.name, name)
    return map
  })
}

function initialPayload(size: number, options: Options, fixedFields: readonly Fixed[]): Uint8Array {
  const bytes = new Uint8Array(size)
  for (const option of Object.values(options)) if (option.synonymOf.length === 0) option.clear(bytes, 0)
  for (const { field, value } of fixedFields) field.write(bytes, 0, value)
  return bytes
}

/**
 * Makes one value per byte: `inside` within the extents, the other value outside. Padding after the struct
 * gets neither.
 */
function mark(struct: Struct, extents: readonly Extent[], inside: 0 | 1): Uint8Array {
  const marks = new Uint8Array(align(struct.size)).fill(1 - inside, 0, struct.size)
  for (const { offset, size } of extents) marks.fill(inside, offset, offset + size)
  return marks
}

const unknownBits =
  (fields: readonly (readonly [Field<number>, number])[]): Check =>
  (bytes, at) =>
    fields.some(([field, known]) => (field.read(bytes, at) & ~known) !== 0)
      ? 'flags that the kernel does not know'
      : undefined

/**
 * Returns the reason of the first check that has one. Every rule is checked, so the result is undefined if
 * there is nothing to check.
 */
const allOf = (first: Check | undefined, second: Check | undefined): Check | undefined =>
  first && second ? (...args) => first(...args) ?? second(...args) : (first ?? second)

function variant<R, O extends Options>(
  declaration: Declaration<R, O>,
  struct: Struct,
  family: FamilyName,
  revision: number,
): Variant {
  const fields = struct.fields as FieldsOf<R>
  const options = declaration.options(fields, family)
  const size = align(struct.size)
  const names = namesOf(options)
  const fixedFields = declaration.fixed?.(fields) ?? []
  const hidden = declaration.private?.(fields) ?? []
  return {
    family,
    revision,
    isPlain: declaration.plain?.includes(revision) ?? false,
    struct,
    size,
    initial: initialPayload(size, options, fixedFields),
    options: new Map(Object.entries(options)),
    names,
    spellings: spellingsOf(options, names),
    fixed: fixedFields,
    worded: declaration.worded?.(fields) ?? [],
    leading: declaration.leading ?? [],
    visible: mark(struct, [...hidden, ...(declaration.unused?.(fields, family) ?? [])], 0),
    private: mark(struct, hidden, 1),
    check: allOf(
      declaration.bits && unknownBits(declaration.bits(fields, revision)),
      declaration.check?.(fields, family),
    ),
    suspects: declaration.suspects?.(fields, family),
    losses: declaration.losses?.(fields) ?? [],
    usage: declaration.usage?.(fields, family),
    native: declaration.native?.(fields, family),
    asks: declaration.asks?.(fields, family),
    does: declaration.does?.(fields, family),
    translate: declaration.translate?.(fields, family),
    list: typeof declaration.list === 'function' ? declaration.list(fields, family) : headed(declaration.list),
    blank: declaration.adjoins ? '' : ' ',
    isLocal: Object.values(options).some(({ words }) => words.some(({ local }) => local)),
  }
}

function variants<R extends Layouts, O extends Options>(
  declaration: Declaration<R, O>,
  family: FamilyName,
): readonly Variant[] {
  const { revisions, written } = declaration
  const first = typeof written === 'object' ? written[family] : written
  return Object.keys(revisions)
    .map(Number)
    .sort((a, b) => Number(b === first) - Number(a === first) || b - a)
    .flatMap((revision) => {
      const struct = structOf(revisions[revision] as Layout, family)
      return struct === undefined ? [] : [variant(declaration, struct, family, revision)]
    })
}

function extension<const N extends string, const R extends Layouts, const O extends Options>(
  kind: Kind,
  name: N,
  declaration: Declaration<R, O>,
): Extension<N, O> {
  const { protocols, tables, hooks, families = Object.keys(FAMILIES) as FamilyName[] } = declaration
  const made = new Map<FamilyName, readonly Variant[]>()
  return {
    kind,
    name,
    families,
    demands: { ...(protocols && { protocols }), ...(tables && { tables }), ...(hooks && { hooks }) },
    atLeastOne: declaration.atLeastOne ?? false,
    restarts: declaration.restarts,
    // Computed on first use: a program meets most extensions in one family or not at all.
    variants(family) {
      const known = made.get(family) ?? (families.includes(family) ? variants(declaration, family) : [])
      made.set(family, known)
      return known
    },
  }
}

/** Declares a match. @param name as in `-m NAME` */
export const match = <const N extends string, const R extends Layouts, const O extends Options>(
  name: N,
  declaration: Declaration<R, O>,
): Extension<N, O> => extension('match', name, declaration)

/** Declares a target. @param name as in `-j NAME` */
export const target = <const N extends string, const R extends Layouts, const O extends Options>(
  name: N,
  declaration: Declaration<R, O>,
): Extension<N, O> => extension('target', name, declaration)

export const rule = <const N extends string, const R extends Layouts, const O extends Options>(
  name: N,
  declaration: Declaration<R, O>,
): Extension<N, O> => extension('rule', name, declaration)
