/** Objects on which an assignment without effect is an error at run time too, as nothing that is asked may be ignored. */
import { inspect } from 'node:util'
import { XtablesError } from '../errors'

/** The refusing ones among the setters. */
const refusals = new WeakSet<(value: unknown) => void>()

const isSettable = (object: object, key: string): boolean => {
  const { set } = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor
  return set !== undefined && !refusals.has(set)
}

/** Names of the properties that an object takes values for. */
function settable(object: Strict): string[] {
  const found: string[] = []
  for (let at = Object.getPrototypeOf(object); at !== Strict.prototype && at !== null; at = Object.getPrototypeOf(at))
    found.push(...Object.getOwnPropertyNames(at).filter((key) => isSettable(at, key)))
  return found
}

/** What properties of any of these objects say of it. */
interface Named {
  readonly kind?: string
  readonly name?: string
}

const nameOf = (object: Strict & Named): string =>
  [object.kind ?? object.constructor.name.toLowerCase(), object.name].filter(Boolean).join(' ')

const refusal = (object: Strict & Named, property: PropertyKey, value: unknown, why: string): XtablesError =>
  new XtablesError('XT_READ_ONLY', `${nameOf(object)}${why}`, {
    extension: object.name ?? 'rule',
    parameter: String(property),
    value,
  })

/** Stands behind the prototypes of all such objects, and is asked only for properties that none of them has. */
const noSuchProperty = new Proxy(
  {},
  {
    set(_, property, value, receiver: Strict): boolean {
      const accepted = settable(receiver).join(', ')
      const hint = accepted === '' ? '' : `; accepted: ${accepted}`
      throw refusal(receiver, property, value, ` has no property ${String(property)}${hint}`)
    },
  },
)

/**
 * Makes a property, or a method, one that is read: assigning to it throws, where sloppy code would be ignored.
 * @param instead what to do in place of it, for the message
 */
export function refuseAssignment(
  object: object,
  property: PropertyKey,
  { get, value, enumerable = false }: PropertyDescriptor,
  instead?: string,
): void {
  function set(this: Strict, assigned: unknown): void {
    const hint = instead === undefined ? '' : `; use ${instead}`
    throw refusal(this, property, assigned, `: ${String(property)} cannot be assigned to${hint}`)
  }
  refusals.add(set)
  Object.defineProperty(object, property, { configurable: true, enumerable, get: get ?? (() => value), set })
}

const sealed = new WeakSet<object>()

/** Of a prototype and those behind it, all that has no setter gets one that refuses. */
function seal(prototype: object): void {
  if (sealed.has(prototype)) return
  sealed.add(prototype)
  const { instead } = prototype.constructor as typeof Strict
  for (const key of Reflect.ownKeys(prototype)) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor
    const hint = Object.hasOwn(instead, key) ? instead[String(key)] : undefined
    if (descriptor.set === undefined) refuseAssignment(prototype, key, descriptor, hint)
  }
  if (prototype !== Strict.prototype) seal(Object.getPrototypeOf(prototype))
}

/** Base class: assigning to anything that has no setter throws, be it declared or not. */
export class Strict {
  /** @internal What to do in place of assigning to a property, by its name. */
  static readonly instead: Readonly<Record<string, string>> = {}

  /** @internal */
  constructor() {
    seal(new.target.prototype)
  }

  /** @internal For people: `Rule <-p tcp -j ACCEPT>`. */
  [inspect.custom](): string {
    return `${this.constructor.name} <${textOf(this)}>`
  }
}
Object.setPrototypeOf(Strict.prototype, noSuchProperty)

/** Looking at a rule that is not complete is no reason to throw. */
function textOf(object: Strict): string {
  try {
    return String(object)
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * A copy that is handed out to be read: changing it throws, as it would have no effect.
 * @param property of `owner` that it was got by
 * @param instead how to change what it is a copy of
 */
export const readOnly = <T extends object>(owner: Strict, property: string, copy: T, instead: string): Readonly<T> =>
  new Proxy<T>(copy, new Refusing(owner, property, instead))

/** Whether all that is asked is that a property stay as it is, as Object.freeze and Object.seal do. */
const isFreezing = (target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean =>
  Object.hasOwn(target, key) &&
  Object.entries(descriptor).every(([aspect, on]) => (aspect === 'configurable' || aspect === 'writable') && !on)

/**
 * Refuses every change. The copy behind it is not frozen as well: lists are handed out by the hundred thousand, and nothing
 * reaches a copy but through here.
 */
class Refusing implements ProxyHandler<object> {
  readonly #owner: Strict
  readonly #property: string
  readonly #instead: string

  constructor(owner: Strict, property: string, instead: string) {
    this.#owner = owner
    this.#property = property
    this.#instead = instead
  }

  #refuse(key: PropertyKey, value?: unknown): never {
    const why = `: ${this.#property} is a copy to read; to change it, use ${this.#instead}`
    throw refusal(this.#owner, key, value, why)
  }

  set(_: object, key: PropertyKey, value: unknown): boolean {
    return this.#refuse(key, value)
  }

  defineProperty(target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    // Freezing it changes nothing.
    if (isFreezing(target, key, descriptor)) return Reflect.defineProperty(target, key, descriptor)
    return this.#refuse(key, descriptor.value)
  }

  deleteProperty(_: object, key: PropertyKey): boolean {
    return this.#refuse(key)
  }

  setPrototypeOf(_: object, prototype: object | null): boolean {
    return this.#refuse('prototype', prototype)
  }
}
