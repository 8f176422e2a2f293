/** What a built-in chain does with packets that no rule of it decided on. */
import { XtablesError } from '../errors'

export type PolicyName = 'ACCEPT' | 'DROP'

export class Policy {
  static readonly ACCEPT = new Policy('ACCEPT')
  static readonly DROP = new Policy('DROP')

  readonly name: PolicyName

  /** @throws XtablesError for anything but ACCEPT and DROP, which alone the kernel takes */
  constructor(name: PolicyName) {
    if (name !== 'ACCEPT' && name !== 'DROP')
      throw new XtablesError(`a policy cannot be ${JSON.stringify(name)}; accepted: ACCEPT, DROP`, {
        extension: 'policy',
        parameter: 'policy',
        value: name,
        expected: 'ACCEPT, DROP',
      })
    this.name = name
  }

  equals(other: Policy): boolean {
    return this.name === other.name
  }

  toString(): string {
    return this.name
  }
}
