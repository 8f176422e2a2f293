/** Numbers that iproute2 has names for: routing realms and interface groups. */
import { deviceGroups, type Names, realms } from './databases'
import { readInteger, valueMask } from './integer'
import type { ValueType } from './value'

const number = valueMask()
const FULL = 0xffff_ffff

/** `value[/mask]`, or a name, which has no mask. A name that looks like a number is read as a number. */
function namedMask(names: () => Names, what: string): ValueType<readonly [value: number, mask: number]> {
  const nameOf = (value: number, mask: number): string | undefined => {
    const name = mask === FULL ? names().byNumber.get(value) : undefined
    return name === undefined || parse(name) !== value ? undefined : name
  }
  /** The value of a word without a mask. */
  const parse = (word: string): number | undefined => readInteger(word) ?? names().byName.get(word)
  return {
    expects: `${number.expects}, or the name of a ${what}`,
    parse(word, context) {
      const value = readInteger(word) === undefined ? names().byName.get(word) : undefined
      return value === undefined ? number.parse(word, context) : [value, FULL]
    },
    format: ([value, mask], context) => nameOf(value, mask) ?? number.format([value, mask], context),
    list: (held, listing) => (listing.numeric ? undefined : nameOf(...held)) ?? number.format(held, listing),
  }
}

/** A routing realm under a mask, or its name. */
export const realm = namedMask(realms, 'realm of /etc/iproute2/rt_realms')
/** An interface group under a mask, or its name. */
export const deviceGroup = namedMask(deviceGroups, 'group of /etc/iproute2/group')
