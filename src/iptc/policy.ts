/** The policy of a built-in chain. */

import { check, instance, shown } from '../check-input'
import { XtablesError } from '../errors'
import { refuseAssignment, Strict } from './refuse-assignment'

/**
 * The name of a policy: `'ACCEPT'` or `'DROP'`.
 * @since 0.1.0
 */
export type PolicyName = 'ACCEPT' | 'DROP'

/**
 * The policy of a built-in chain: what happens to packets that reach its end. It is immutable.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Policy } from 'xtables'
 *
 * console.log(new Policy('DROP').equals(Policy.DROP)) // true
 * ```
 */
export class Policy extends Strict {
  /** Accepts packets. */
  static readonly ACCEPT = new Policy('ACCEPT')
  /** Drops packets silently. */
  static readonly DROP = new Policy('DROP')

  /** `'ACCEPT'` or `'DROP'`. */
  declare readonly name: PolicyName

  /** @throws {@link XtablesError} for anything but ACCEPT and DROP: the kernel accepts no other policy */
  constructor(name: PolicyName) {
    super()
    if (name !== 'ACCEPT' && name !== 'DROP')
      throw new XtablesError('XT_BAD_VALUE', `a policy must be ACCEPT or DROP, not ${shown(name)}`, {
        extension: 'policy',
        parameter: 'policy',
        value: name,
        expected: 'ACCEPT, DROP',
      })
    // An own property, because test frameworks compare own properties.
    refuseAssignment(this, 'name', { value: name, enumerable: true }, 'new Policy')
  }

  /** Tells whether the other is the same policy. */
  equals(other: Policy): boolean {
    check('what a policy is compared with', other, A_POLICY)
    return this.name === other.name
  }

  override toString(): string {
    return this.name
  }
}

const A_POLICY = instance(Policy, 'a Policy')
