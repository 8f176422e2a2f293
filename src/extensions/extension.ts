/**
 * The declaration language. An extension is declared once, as data: its structs, its options, what the kernel demands
 * of a rule that uses it. Encoding, decoding, validation, printing and the types of its parameters are derived here.
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

/** A rule's own part, outside its matches and target, is declared in the same language. */
export type Kind = 'match' | 'target' | 'rule'
export type Options = Readonly<Record<string, Option>>

/** What the kernel demands of a rule that holds the extension; a rule that breaks it is refused. */
export interface Demands {
  /** Protocols, one of which `-p` must name without `!`. */
  readonly protocols?: readonly ProtocolName[]
  /** Tables, in one of which alone the rule may stand. */
  readonly tables?: readonly TableName[]
  /** Hooks from which alone the rule may be reached. */
  readonly hooks?: readonly Hook[]
}

/** The parts of a rule on which demands may rest that depend on a parameter. */
export interface RuleHead {
  /** 0 is any. */
  readonly protocol: number
  readonly protocolNegated: boolean
  /** What the field of the protocol holds, also where IPv6 has no flag that it counts. */
  readonly storedProtocol: number
}

/** Whether a rule is for one of these protocols, and no other. */
export const isProtocol = (rule: RuleHead, protocols: readonly ProtocolName[]): boolean =>
  !rule.protocolNegated && hasNumber(protocols, rule.protocol)

/** As {@link isProtocol}, where Linux does not ask whether the protocol counts. */
export const isStoredProtocol = (rule: RuleHead, protocols: readonly ProtocolName[]): boolean =>
  !rule.protocolNegated && hasNumber(protocols, rule.storedProtocol)

const hasNumber = (protocols: readonly ProtocolName[], number: number): boolean =>
  protocols.some((name) => PROTOCOLS[name] === number)

/** Why something is refused: on account of which parameter, and with what errno the kernel refuses it if not EINVAL. */
export interface Fault {
  readonly reason: string
  readonly parameter?: string
  readonly errno?: number
}

/** A text says that it is for no parameter more than for another. */
export type Reason = string | Fault

/** The reason to refuse a parameter, which is named as iptables prints it. */
export const about = (parameter: string, reason: string, errno?: number): Fault => ({
  reason,
  parameter,
  ...(errno !== undefined && { errno }),
})

/** What a rule is refused for that is for other protocols than an extension demands: the `-p` of the rule itself. */
export const needsProtocol = (protocols: readonly ProtocolName[]): Fault =>
  about('protocol', `needs -p ${protocols.join(' or ')}`)

export const faultOf = (reason: Reason): Fault => (typeof reason === 'string' ? { reason } : reason)

/** Why an extension is refused, in the words of an error: of whichever parameter it is, that stands there. */
export function faultText({ kind, name }: Extension, { options }: Variant, why: Reason): string {
  const { reason, parameter } = faultOf(why)
  const option = parameter === undefined ? undefined : options.get(parameter)
  const spelled = `--${option?.section?.name ?? parameter}`
  return `${kind} ${name}: ${option === undefined || reason.includes(spelled) ? '' : `${spelled}: `}${reason}`
}

/** Where a rule stands, and what else it asks. */
export interface PlacedRule extends RuleHead {
  readonly table: string
  /** From which it is reached. */
  readonly hooks: readonly Hook[]
  /** Whether there is an ipset of this index, as far as is known. */
  hasSet(index: number): boolean
  /** Each with the place of its payload, among the bytes that are checked. */
  readonly matches: readonly { readonly name: string; readonly at: number }[]
}

/** That packets have no interface to come in by where the rule stands, if that is so: the option `what` asks for it. */
export const withoutIn = (what: string, { hooks }: PlacedRule): Reason | undefined =>
  hooks.some((hook) => NO_IN.includes(hook))
    ? about(what, `--${what} is for hooks where packets have an interface that they come in by`)
    : undefined

/** As {@link withoutIn}, of the interface to go out by. */
export const withoutOut = (what: string, { hooks }: PlacedRule): Reason | undefined =>
  hooks.some((hook) => NO_OUT.includes(hook))
    ? about(what, `--${what} is for hooks where packets have an interface that they go out by`)
    : undefined

/** A reason to refuse this payload in this rule, if there is one. */
export type Check = (bytes: Uint8Array, at: number, rule: PlacedRule) => Reason | undefined

/** Why the kernel may have refused a payload, where it alone can judge. */
export interface Suspicion extends Fault {
  readonly errno: number
  /** It hangs on what there is in the network namespace. */
  readonly local: boolean
}

/** A reason for which the kernel may have refused a payload, with the errno that it gives then. */
export const suspicion = (parameter: string, errno: number, reason: string, local = false): Suspicion => ({
  reason,
  parameter,
  errno,
  local,
})

/** What the kernel alone can judge of this payload. */
export type Suspect = (bytes: Uint8Array, at: number) => readonly Suspicion[]

/** A parameter that the kernel does not hand out as it was given, so that it cannot be written back. */
export interface Loss {
  readonly parameter: string
  /** How it is handed out, and what comes of writing that back, as a part of a sentence. */
  readonly reason: string
  /** Whether a payload that the kernel handed out may lack some of it. */
  readonly isAt: (bytes: Uint8Array, at: number) => boolean
}

/** As {@link Check}, of what the kernel would take. */
export type Usage = (bytes: Uint8Array, at: number, rule: RuleHead) => Reason | undefined

/**
 * What is inverted has to be there, where `invflags` has the same bits as `flags`.
 * @param parameters to which the bits belong, from the lowest
 */
export const invertsGiven =
  (flags: Field<number>, invflags: Field<number>, parameters: readonly string[]): Check =>
  (bytes, at) => {
    const stray = invflags.read(bytes, at) & ~flags.read(bytes, at)
    const parameter = parameters.find((_, i) => (stray & (1 << i)) !== 0)
    return parameter === undefined ? undefined : about(parameter, `--${parameter} is inverted and not given`)
  }

/** Whether a text in so many bytes has its NUL among them where the kernel looks for it: as the last. */
export const isTerminated = ({ offset, size }: Extent, bytes: Uint8Array, at: number): boolean =>
  bytes[at + offset + size - 1] === 0

/** What stands in a rule of nft behind all else. */
export interface Remark {
  readonly remark: string
}

/** Words that name a set, which has to be made before: what it is called, but for a number, and the type of what is in it. */
export interface InSet {
  readonly set: string
  readonly type: string
  readonly words: (name: string) => string
}

/** The words of nft for a payload; undefined where there are none, or where its statements have them. */
export type Translate = (bytes: Uint8Array, at: number, context: Context) => string | Remark | InSet | undefined

type AnyStruct = Pick<Struct, 'cName' | 'size' | 'align'>
type Layout = AnyStruct | Readonly<Partial<Record<FamilyName, AnyStruct>>>
type Layouts = Readonly<Record<number, Layout>>
type LayoutOf<L> = L extends Struct<infer S> ? Fields<S> : L extends AnyStruct ? never : LayoutOf<L[keyof L]>
type FieldsOf<R> = LayoutOf<R[keyof R]>

/** A field that always holds one value, and so tells this extension from others of the same struct. */
export type Fixed = { readonly field: Field<unknown>; readonly value: unknown }
/** A field with the one value that it always holds, for the key `fixed` of a declaration. */
export const fixed = <T>(field: Field<T>, value: T): Fixed => ({ field: field as Field<unknown>, value })

interface Declaration<R, O> extends Demands {
  /** Families that have it; both unless said. */
  families?: readonly FamilyName[]
  /** Struct of each revision, for both families or for each that has it. The highest is written. */
  revisions: R
  /** The revision that is written, where that is not the highest. */
  written?: number | Readonly<Record<FamilyName, number>>
  /** Of an extension that is a face of another: revisions that the kernel has under the extension's own name. */
  plain?: readonly number[]
  /** Its options by iptables' names, in the order in which iptables prints them. */
  options: (fields: FieldsOf<R>, family: FamilyName) => O
  /** Fields that always have one value. */
  fixed?: (fields: FieldsOf<R>) => readonly Fixed[]
  /** What fields hold in every payload that there are words for. The kernel takes others too; they are kept as bytes. */
  worded?: (fields: FieldsOf<R>) => readonly Fixed[]
  /** Fields that only the kernel uses; it hands them out as zeros. */
  private?: (fields: FieldsOf<R>) => readonly Extent[]
  /** Bytes that mean nothing to this family, whatever they hold. */
  unused?: (fields: FieldsOf<R>, family: FamilyName) => readonly Extent[]
  /** At least one option has to be given; or one of each of these lists. */
  atLeastOne?: boolean | readonly (readonly string[])[]
  /** Fields of flags, each with the bits that the kernel knows: it refuses others. */
  bits?: (fields: FieldsOf<R>, revision: number) => readonly (readonly [field: Field<number>, known: number])[]
  /** What else the kernel looks at. */
  check?: (fields: FieldsOf<R>, family: FamilyName) => Check
  /** What nobody but the kernel can judge: the names of things that it has to have, and limits that are its own. */
  suspects?: (fields: FieldsOf<R>, family: FamilyName) => Suspect
  /** What the kernel does not hand out as it was given. */
  losses?: (fields: FieldsOf<R>) => readonly Loss[]
  /** What becomes of the kernel's count at each exchange of the table, whatever that changes: a sentence without its end. */
  restarts?: string
  /** What iptables refuses although the kernel would take it. */
  usage?: (fields: FieldsOf<R>, family: FamilyName) => Usage
  /** Options that others look at while they are stored: whatever their place in a rule, these are stored first. */
  leading?: readonly (keyof O & string)[]
  /** What it is in terms of nf_tables, where it has such a form. */
  native?: (fields: FieldsOf<R>, family: FamilyName) => Native | undefined
  /** What a match asks of packets, where that is not what its native form says. */
  asks?: (fields: FieldsOf<R>, family: FamilyName) => Asks
  /** What a target does to packets, where that is not what its native form says. */
  does?: (fields: FieldsOf<R>, family: FamilyName) => Does
  /** As nft writes it, where no statements say it, or others than iptables-translate has. */
  translate?: (fields: FieldsOf<R>, family: FamilyName) => Translate
  /** No blank stands before it in a listing. */
  adjoins?: boolean
  /** What a listing says before the options, or in their stead. */
  list?: string | ((fields: FieldsOf<R>, family: FamilyName) => Lister)
}

/** One struct of an extension: what a payload of this family and revision is. */
export interface Variant {
  readonly family: FamilyName
  readonly revision: number
  /** Whether the kernel calls it by the extension's own name, although others are faces of another extension. */
  readonly isPlain: boolean
  readonly struct: Struct
  /** Bytes of the payload, padded as the kernel pads it. */
  readonly size: number
  /** A payload in which no option is given. */
  readonly initial: Uint8Array
  readonly options: ReadonlyMap<string, Option>
  /** Names and aliases, to the name in `options`. */
  readonly names: ReadonlyMap<string, string>
  /** Of each section of a text, what may be said in it, to the name in `options`. Most have one section. */
  readonly spellings: readonly ReadonlyMap<string, string>[]
  readonly fixed: readonly Fixed[]
  /** As `fixed`, of payloads that there are words for. */
  readonly worded: readonly Fixed[]
  readonly leading: readonly string[]
  /** Per byte, 1 where it is part of what a rule says. */
  readonly visible: Uint8Array
  /** Per byte, 1 where the kernel keeps something of its own. */
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
  /** What stands before it in a listing. */
  readonly blank: '' | ' '
  /** Whether it refers to things of one network namespace. */
  readonly isLocal: boolean
}

export interface Extension<N extends string = string, O = Options> {
  readonly kind: Kind
  readonly name: N
  readonly families: readonly FamilyName[]
  readonly demands: Demands
  /** Lists of options, of each of which one has to be given; or that any has to be. */
  readonly atLeastOne: boolean | readonly (readonly string[])[]
  /** What the kernel forgets at each exchange of the table that holds it, which every edit is. */
  readonly restarts: string | undefined
  /** Of each family: the one that is written, then the others, newest first. */
  variants(family: FamilyName): readonly Variant[]
  /** Carries the options for the compiler; never there at run time. */
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
    // The option that opens a section is said in the one before it.
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

/** A byte each: `inside` within the extents, the other outside; the padding behind the struct is neither. */
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

/** The reason of the first check that has one. Every rule is checked, so there is none where there is nothing to check. */
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
    // Of most extensions, a program meets one family or none.
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
