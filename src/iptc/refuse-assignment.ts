/** Objects on which an assignment that has no effect throws, so that a mistake is not silently ignored. */
import { inspect } from 'node:util'
import { XtablesError } from '../errors'

/** The setters that only throw. */
const refusals = new WeakSet<(value: unknown) => void>()

const isSettable = (object: object, key: string): boolean => {
  const { set } = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor
  return set !== undefined && !refusals.has(set)
}

/** Names of the properties that can be assigned. */
function settable(object: Strict): string[] {
  const found: string[] = []
  for (let at = Object.getPrototypeOf(object); at !== Strict.prototype && at !== null; at = Object.getPrototypeOf(at))
    found.push(...Object.getOwnPropertyNames(at).filter((key) => isSettable(at, key)))
  return found
}

/** The members of such objects that messages use. */
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

/** At the end of the prototype chain; reached only for properties that no prototype has. */
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
 * Makes a property or method read-only: assigning to it throws, where JavaScript would ignore it outside strict mode.
 * @param instead what to do instead, for the message
 */
export function refuseAssignment(
  object: object,
  property: PropertyKey,
  { get, value, enumerable = false }: PropertyDescriptor,
  instead?: string,
): void {
  function set(this: Strict, assigned: unknown): void {
    const hint = instead === undefined ? '' : `; use ${instead}`
    throw refusal(this, property, assigned, `: ${String(property)} is read-only${hint}`)
  }
  refusals.add(set)
  Object.defineProperty(object, property, { configurable: true, enumerable, get: get ?? (() => value), set })
}

const sealed = new WeakSet<object>()

/** Adds a throwing setter to every member of a prototype chain that has no setter. */
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

/** Base class: assigning to a property without a setter throws, declared or not. */
export class Strict {
  /** @internal What to do instead of assigning to a property, by property name. */
  static readonly instead: Readonly<Record<string, string>> = {}

  /** @internal */
  constructor() {
    seal(new.target.prototype)
  }

  /** @internal Text for console.log: `Rule <-p tcp -j ACCEPT>`. */
  [inspect.custom](): string {
    return `${this.constructor.name} <${textOf(this)}>`
  }
}
Object.setPrototypeOf(Strict.prototype, noSuchProperty)

/** Inspecting an incomplete rule must not throw. */
function textOf(object: Strict): string {
  try {
    return String(object)
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * A read-only copy: changing it throws, because the change would have no effect.
 * @param property the property of `owner` that returned the copy
 * @param instead how to change the original
 */
export const readOnly = <T extends object>(owner: Strict, property: string, copy: T, instead: string): Readonly<T> =>
  new Proxy<T>(copy, new Refusing(owner, property, instead))

/** Whether the definition leaves the property unchanged, as in Object.freeze and Object.seal. */
const isFreezing = (target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean =>
  Object.hasOwn(target, key) &&
  Object.entries(descriptor).every(([aspect, on]) => (aspect === 'configurable' || aspect === 'writable') && !on)

/**
 * Refuses every change. The copy itself is not frozen, for speed: lists are returned by the hundred thousand, and can
 * only be reached through this proxy.
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
    const why = `: ${this.#property} is a read-only copy; to change the original, use ${this.#instead}`
    throw refusal(this.#owner, key, value, why)
  }

  set(_: object, key: PropertyKey, value: unknown): boolean {
    return this.#refuse(key, value)
  }

  defineProperty(target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    // Freezing changes no value.
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
