/** Connection labels, by number or by name from connlabel.conf. */
import { labelName, labelNumber } from './databases'
import { readInteger } from './integer'
import { mismatch, type ValueType } from './value'

/**
 * The number of a connection label, or its name. A number takes precedence over a name that looks like one, so such a
 * name is never printed.
 */
export const connectionLabel = (max: number): ValueType<number> => ({
  expects: `a number from 0 to ${max}, or a name of /etc/xtables/connlabel.conf`,
  quotes: 'always',
  parse(word) {
    const number = readInteger(word) ?? labelNumber(word)
    return number === undefined || number > max ? mismatch() : number
  },
  format(number) {
    const name = labelName(number)
    return name === undefined || readInteger(name) !== undefined ? String(number) : name
  },
  list(number, { numeric }) {
    const name = numeric ? undefined : labelName(number)
    return name === undefined ? String(number) : `'${name}'`
  },
})
