/** Objects on which a misspelt property is an error at run time too, as nothing that is asked may be ignored. */
import { XtablesError } from '../errors'

/** Stands behind the prototypes of all such objects, and is asked only for properties that none of them has. */
const noSuchProperty = new Proxy(
  {},
  {
    set(_, property, value, receiver: { kind?: string; name?: string }): boolean {
      const what = [receiver.kind ?? receiver.constructor.name.toLowerCase(), receiver.name].filter(Boolean).join(' ')
      throw new XtablesError(`${what} has no property ${String(property)}`, {
        extension: receiver.name ?? 'rule',
        parameter: String(property),
        value,
      })
    },
  },
)

/** Base class: assigning to a property that neither the class nor the object declares throws. */
export class Strict {}
Object.setPrototypeOf(Strict.prototype, noSuchProperty)
