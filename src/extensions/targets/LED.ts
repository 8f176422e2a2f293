/** Lights an LED, or makes it blink, when packets match. */

import { bool8, raw, u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { nothing } from '../evaluation'
import { target } from '../extension'
import { flag, option } from '../option'
import { integer } from '../values/integer'
import { quoted, text } from '../values/string'
import type { ValueType } from '../values/value'

/** The kernel's prefix of every trigger name. */
const PREFIX = 'netfilter-'
const given = text(16)
const trigger: ValueType<string> = {
  ...given,
  parse: (word, context) => PREFIX + given.parse(word, context),
  format: (id) => (id.startsWith(PREFIX) ? id.slice(PREFIX.length) : id),
}

const FOREVER = 0xffff_ffff
const milliseconds = integer(FOREVER)
const delay: ValueType<number> = {
  expects: `milliseconds, 0 to ${FOREVER - 1}, or inf`,
  parse: (word, context) => (/^inf$/i.test(word) ? FOREVER : milliseconds.parse(word, context)),
  format: (value) => (value === FOREVER ? 'inf' : String(value)),
}

/** linux/netfilter/xt_LED.h */
export const LED = target('LED', {
  revisions: {
    0: struct('struct xt_led_info', 40, { id: chars(27), alwaysBlink: bool8, delay: u32, internalData: raw(8, 8) }),
  },
  private: ({ internalData }) => [internalData],
  // A listing shows a delay of 0, although iptables-save omits it.
  list:
    ({ delay: field }) =>
    ({ bytes, at, texts: { 'led-trigger-id': id, 'led-always-blink': blink } }) => {
      const value = field.read(bytes, at)
      return [
        id,
        `led-delay:${value === FOREVER ? 'inf' : `${value}ms`}`,
        ...(blink === undefined ? [] : [blink]),
      ].join(' ')
    },
  does: nothing,
  options: ({ id, alwaysBlink, delay: field }) => ({
    'led-trigger-id': option(quoted(trigger, 'always'), id, { required: true, list: 'led-trigger-id:$' }),
    'led-delay': option(delay, field),
    'led-always-blink': flag(alwaysBlink),
  }),
})
