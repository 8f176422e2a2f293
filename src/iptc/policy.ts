/** What a built-in chain does with packets that no rule of it decided on. */

import { check, instance, shown } from '../check-input'
import { XtablesError } from '../errors'
import { refuseAssignment, Strict } from './refuse-assignment'

export type PolicyName = 'ACCEPT' | 'DROP'

export class Policy extends Strict {
  static readonly ACCEPT = new Policy('ACCEPT')
  static readonly DROP = new Policy('DROP')

  declare readonly name: PolicyName

  /** @throws XtablesError for anything but ACCEPT and DROP, which alone the kernel takes */
  constructor(name: PolicyName) {
    super()
    if (name !== 'ACCEPT' && name !== 'DROP')
      throw new XtablesError(`a policy cannot be ${shown(name)}; accepted: ACCEPT, DROP`, {
        extension: 'policy',
        parameter: 'policy',
        value: name,
        expected: 'ACCEPT, DROP',
      })
    // Of its own, as tests compare what an object has of its own.
    refuseAssignment(this, 'name', { value: name, enumerable: true }, 'new Policy')
  }

  equals(other: Policy): boolean {
    check('what a policy is compared with', other, A_POLICY)
    return this.name === other.name
  }

  override toString(): string {
    return this.name
  }
}

const A_POLICY = instance(Policy, 'a Policy')
