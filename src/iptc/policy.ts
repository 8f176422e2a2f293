/** What a built-in chain does with packets that no rule of it decided on. */

import { check, instance, shown } from '../check-input'
import { XtablesError } from '../errors'
import { refuseAssignment, Strict } from './refuse-assignment'

/**
 * What a policy can be: `'ACCEPT'` or `'DROP'`.
 * @since 0.1.0
 */
export type PolicyName = 'ACCEPT' | 'DROP'

/**
 * What a built-in chain does with packets that no rule of it decided on. It does not change.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Policy } from 'xtables'
 *
 * console.log(new Policy('DROP').equals(Policy.DROP)) // true
 * ```
 */
export class Policy extends Strict {
  /** Packets pass. */
  static readonly ACCEPT = new Policy('ACCEPT')
  /** Packets are dropped without a word. */
  static readonly DROP = new Policy('DROP')

  /** `'ACCEPT'` or `'DROP'`. */
  declare readonly name: PolicyName

  /** @throws {@link XtablesError} for anything but ACCEPT and DROP: the kernel takes no other */
  constructor(name: PolicyName) {
    super()
    if (name !== 'ACCEPT' && name !== 'DROP')
      throw new XtablesError('XT_BAD_VALUE', `a policy cannot be ${shown(name)}; accepted: ACCEPT, DROP`, {
        extension: 'policy',
        parameter: 'policy',
        value: name,
        expected: 'ACCEPT, DROP',
      })
    // Of its own, as tests compare what an object has of its own.
    refuseAssignment(this, 'name', { value: name, enumerable: true }, 'new Policy')
  }

  /** Whether the other is the same policy. */
  equals(other: Policy): boolean {
    check('what a policy is compared with', other, A_POLICY)
    return this.name === other.name
  }

  override toString(): string {
    return this.name
  }
}

const A_POLICY = instance(Policy, 'a Policy')
