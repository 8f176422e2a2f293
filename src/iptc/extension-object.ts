/** Base class of matches and targets, whose parameters are properties. */

import { check, checkNone, instance, text } from '../check-input'
import { XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import type { Extension, Variant } from '../extensions/extension'
import type { Matches, Targets } from '../extensions/modules'
import { type Option, originals, overlap } from '../extensions/option'
import {
  changeParameter,
  checkComplete,
  checkExclusions,
  findOption,
  type Parameter,
  readParameters,
} from '../extensions/payload'
import { type Known, kernelName } from '../extensions/registry'
import { buildPart, type Part as Location } from '../ruleset/entry'
import { entryExtension } from '../ruleset/entry-extensions'
import { requireExtension } from '../ruleset/rule'
import { camelCase, dashed, propertyValue, readValue } from './parameter-values'
import { readOnly, refuseAssignment, Strict } from './refuse-assignment'

export type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S

/** For an option without aliases, the inferred type is `string`. */
type Aliases<A extends string> = string extends A ? never : A

/** Names and aliases of all options, each with the type that an assignment accepts. */
export type NamesIn<O> = {
  [K in keyof O & string]: O[K] extends Option<infer In, infer Alias> ? [K | Aliases<Alias>, In] : never
}[keyof O & string]

/** The parameters of an extension as properties. A parameter that is not given is `undefined`. */
export type ParametersOf<E> =
  E extends Extension<string, infer O> ? { [P in NamesIn<O> as CamelCase<P[0]>]: P[1] | undefined } : never

/**
 * The parameters of each match, as properties in camel case. A parameter that is not given is `undefined`.
 * @since 0.1.0
 */
export type MatchParameters = { [N in keyof Matches]: ParametersOf<Matches[N]> }
/**
 * The parameters of each target, as properties in camel case. A parameter that is not given is `undefined`.
 * @since 0.1.0
 */
export type TargetParameters = { [N in keyof Targets]: ParametersOf<Targets[N]> }
/**
 * The names of the supported matches, as in `-m NAME`.
 * @since 0.1.0
 */
export type MatchName = keyof MatchParameters
/**
 * The names of the supported targets, as in `-j NAME`.
 * @since 0.1.0
 */
export type TargetName = keyof TargetParameters

/** The contents of a match or target: parameters in a payload, or opaque bytes of an unknown extension. */
type Content = Understood | Opaque

type Opaque = { readonly known: undefined; readonly revision: number; readonly payload: Uint8Array }

type Understood = {
  readonly known: Known
  /** The payload starts at `at`. The bytes are never changed; an edit makes a new payload. */
  bytes: Uint8Array
  at: number
  /** Names of the given parameters; undefined for a payload that was read and has not been edited. */
  given: ReadonlySet<string> | undefined
}

/** A copy of the payload. */
const payloadOf = ({ known, bytes, at }: Understood): Uint8Array => bytes.slice(at, at + known.variant.size)

/**
 * The stored contents of a match or target. A class, so that it cannot be confused with what users pass to a
 * constructor.
 */
export class Stored {
  readonly name: string
  /** Undefined for a verdict or a jump to a chain. */
  readonly content: Content | undefined

  constructor(name: string, content: Content | undefined) {
    this.name = name
    this.content = content
  }
}

/** What a match or target needs of the rule that it belongs to. */
export interface Owner {
  readonly context: Context
}

/** Used by the generated parameter properties, whose names may clash with the public methods. */
let readOption: (part: ExtensionObject, canonical: string, option: Option) => string | true | undefined

/** What matches and targets have in common. */
export abstract class ExtensionObject extends Strict {
  static {
    readOption = (part, canonical, option) => part.#read(canonical, option)
  }

  /** @internal */
  static override readonly instead: Readonly<Record<string, string>> = {
    name: 'createMatch or createTarget of the rule',
    parameters: 'setParameter and reset',
  }

  abstract get kind(): 'match' | 'target'
  readonly #name: string
  readonly #owner: Owner
  readonly #content: Content | undefined

  /** @internal */
  constructor(owner: Owner, { name, content }: Stored) {
    super()
    this.#owner = owner
    this.#name = name
    this.#content = content
    // Matches and targets that were read from a rule already have the specific class.
    if (content?.known === undefined || variants.has(new.target)) return
    Object.setPrototypeOf(this, classFor(new.target as ExtensionClass, content.known.variant).prototype)
  }

  /** Name of the extension, as in `-m NAME` or `-j NAME`. */
  get name(): string {
    return this.#name
  }

  /** Revision of the stored payload. */
  get revision(): number {
    if (this.#content === undefined) return 0
    return this.#content.known === undefined ? this.#content.revision : this.#content.known.variant.revision
  }

  /** Whether the extension, or its revision, is unknown to this library. Its bytes are then kept as they are. */
  get isOpaque(): boolean {
    return this.#content !== undefined && this.#content.known === undefined
  }

  #known(): Understood {
    if (this.#content?.known !== undefined) return this.#content
    const why = this.#content === undefined ? 'has no parameters' : `revision ${this.revision} is not known here`
    throw new XtablesError('XT_UNKNOWN_PARAMETER', `${this.kind} ${this.name} ${why}`, { extension: this.name })
  }

  /**
   * Sets a parameter, by any spelling of its name. `undefined` removes it. For a flag, the name alone is enough.
   * @throws XtablesError, which leaves everything unchanged
   */
  setParameter(flag: string): void
  setParameter(name: string, value: unknown): void
  setParameter(name: string, ...values: [] | [value: unknown]): void {
    check('the name of a parameter', name, text)
    const value = values.length === 0 ? true : values[0]
    const content = this.#known()
    const { known } = content
    const [canonical, option] = findOption(known, dashed(name))
    const payload = payloadOf(content)
    const others = this.#others(content, canonical)
    if (value === undefined || value === null) {
      // The value may have been set through an alias, in a form that this spelling cannot express.
      if (option.read(payload, 0, this.#owner.context) === undefined) return
      const { options } = known.variant
      for (const one of new Set([canonical, ...originals(options, canonical)])) options.get(one)?.clear(payload, 0)
      content.given = others
    } else {
      const reading = readValue(known.extension.name, canonical, option, value)
      changeParameter(known, payload, { name: canonical, ...reading }, this.describe(), this.#owner.context)
      const given = new Set([...others, canonical])
      checkExclusions(known, given)
      content.given = given
    }
    content.bytes = payload
    content.at = 0
  }

  /** The names of the given parameters, except `name` and its other spellings. */
  #others({ known, given }: Understood, name: string): ReadonlySet<string> {
    const { names, options } = known.variant
    const held = given ?? this.describe().map((parameter) => names.get(parameter.name) as string)
    return new Set([...held].filter((one) => !overlap(options, one, name)))
  }

  /** Returns a parameter as its property reads: canonical text, `true` for a flag, undefined if it is not given. */
  getParameter(name: string): string | true | undefined {
    check('the name of a parameter', name, text)
    return this.#read(...findOption(this.#known().known, dashed(name)))
  }

  /** @param canonical the name of an option of the extension */
  #read(canonical: string, option: Option): string | true | undefined {
    const { known, bytes, at, given } = this.#known()
    if (given !== undefined && option.required && !isGiven(known, given, canonical)) return undefined
    const reading = option.read(bytes, at, this.#owner.context)
    return reading === undefined ? undefined : propertyValue(reading)
  }

  /** All given parameters, by property name. */
  get parameters(): Readonly<Record<string, string | true>> {
    const parameters = this.describe().map(({ name, ...reading }) => [camelCase(name), propertyValue(reading)])
    return readOnly(this, 'parameters', Object.fromEntries(parameters), 'setParameter')
  }

  /** Returns all given parameters by their iptables name, each as a list of words, with a leading `!` if negated. */
  getAllParameters(): Readonly<Record<string, readonly string[]>> {
    const handOut = <T extends object>(copy: T): Readonly<T> => readOnly(this, 'parameters', copy, 'setParameter')
    const words = Object.entries(this.#words()).map(([name, one]) => [name, handOut(one)])
    return handOut(Object.fromEntries(words) as Record<string, readonly string[]>)
  }

  #words(): Record<string, string[]> {
    return Object.fromEntries(
      this.describe().map(({ name, negated, words }) => [name, [...(negated ? ['!'] : []), ...words]]),
    )
  }

  /** Removes all parameters. */
  reset(): void
  reset(...none: unknown[]): void {
    checkNone('reset', none, 'setParameter takes one parameter back')
    const content = this.#known()
    content.bytes = content.known.variant.initial
    content.at = 0
    content.given = new Set()
  }

  /** Tells whether the other has the same extension and parameters. */
  equals(other: ExtensionObject): boolean {
    check('what a match or target is compared with', other, AN_EXTENSION_OBJECT)
    const mine = [this.kind, this.name, this.revision, this.#text()]
    const theirs = [other.kind, other.name, other.revision, other.#text()]
    return JSON.stringify(mine) === JSON.stringify(theirs)
  }

  #text(): unknown {
    return this.isOpaque
      ? Buffer.from((this.#content as Opaque).payload).toString('hex')
      : this.#content && this.#words()
  }

  /** @internal */
  describe(): Parameter[] {
    if (this.#content === undefined || this.#content.known === undefined) return []
    const { known, bytes, at, given } = this.#content
    const parameters = readParameters(known, bytes, at, this.#owner.context)
    return parameters.filter(({ name }) => {
      const [canonical, option] = findOption(known, name)
      return given === undefined || !option.required || isGiven(known, given, canonical)
    })
  }

  /** @internal Encodes header and payload for an entry. @throws XtablesError if a required parameter is missing */
  encode(): Uint8Array {
    const content = this.#content as Content
    if (content.known === undefined) return buildPart(this.name, content.revision, content.payload)
    if (content.given !== undefined) checkComplete(content.known, content.given)
    const { extension, variant } = content.known
    return buildPart(kernelName(extension, variant), variant.revision, payloadOf(content))
  }

  /** @internal */
  belongsTo(owner: Owner): boolean {
    return this.#owner === owner
  }

  override toString(): string {
    return this.name
  }
}

const AN_EXTENSION_OBJECT = instance(ExtensionObject, 'a Match or a Target')

/** Whether a required option was given, under any spelling. */
function isGiven({ variant }: Known, given: ReadonlySet<string>, name: string): boolean {
  return [...given].some((one) => overlap(variant.options, one, name))
}

/** Empty contents of a new match or target. @throws XtablesError for an unknown name */
export function newContent(kind: 'match' | 'target', name: string, owner: Owner): Stored {
  check(`the name of a ${kind}`, name, text)
  const known = requireExtension(kind, name, owner.context.family)
  return new Stored(known.extension.name, { known, bytes: known.variant.initial, at: 0, given: new Set() })
}

/** Name and contents of a match or target in an entry. */
export function storedContent(kind: 'match' | 'target', bytes: Uint8Array, part: Location, owner: Owner): Stored {
  const { name, revision, at, size, known } = entryExtension(kind, owner.context.family, bytes, part)
  if (known === undefined) return new Stored(name, { known, revision, payload: bytes.subarray(at, at + size) })
  return new Stored(known.extension.name, { known, bytes, at, given: undefined })
}

/** The generated classes. */
const variants = new WeakSet<object>()

type ExtensionClass = abstract new (...args: never[]) => ExtensionObject

/**
 * The generated subclasses of Match and Target, one per extension variant, with a property for every parameter. They
 * are made on first use.
 */
const classes = new WeakMap<Variant, Map<ExtensionClass, ExtensionClass>>()

function classFor(base: ExtensionClass, variant: Variant): ExtensionClass {
  const made = classes.get(variant) ?? new Map<ExtensionClass, ExtensionClass>()
  classes.set(variant, made)
  const known = made.get(base) ?? makeClass(base, variant)
  made.set(base, known)
  return known
}

/**
 * The class for a match or target that was read from a rule. Constructing it directly is faster than changing the
 * prototype later.
 */
export const storedClass = <C extends ExtensionClass>(base: C, { content }: Stored): C =>
  content?.known === undefined ? base : (classFor(base, content.known.variant) as C)

/** Finds a property of an object or its prototypes. */
function findProperty(object: object | null, property: string): PropertyDescriptor | undefined {
  if (object === null) return undefined
  const own = Object.getOwnPropertyDescriptor(object, property)
  return own ?? findProperty(Object.getPrototypeOf(object), property)
}

function makeClass(base: ExtensionClass, variant: Variant): ExtensionClass {
  const made: ExtensionClass = class extends (base as new (
    ...args: never[]
  ) => { readonly kind: 'match' | 'target' } & ExtensionObject) {}
  variants.add(made)
  const prototype = made.prototype as object
  // `constructor` is the base class: users do not know the generated one.
  refuseAssignment(prototype, 'constructor', { value: base })
  for (const [name, canonical] of variant.names) {
    const option = variant.options.get(canonical) as Option
    const property = camelCase(name)
    const taken = findProperty(base.prototype, property)
    if (taken !== undefined) {
      // The name is taken by a member that all extensions have.
      refuseAssignment(prototype, property, taken, `setParameter('${name}', …) for the parameter`)
      continue
    }
    Object.defineProperty(prototype, property, {
      enumerable: true,
      get(this: ExtensionObject) {
        return readOption(this, canonical, option)
      },
      set(this: ExtensionObject, value: unknown) {
        this.setParameter(name, value)
      },
    })
  }
  return made
}
