/** Reports through sysfs when no packet has matched for some time. */

import { ERRNO } from '../../abi/errno'
import { raw, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { nothing } from '../evaluation'
import { about, suspicion, target } from '../extension'
import { constant } from '../fields'
import { flag, option } from '../option'
import { integer } from '../values/integer'
import { isFileName, name } from '../values/string'

const head = { timeout: u32, label: chars(28) }
/** In seconds. The kernel counts milliseconds in an int. */
const MAX_TIMEOUT = Math.floor(0x7fff_ffff / 1000) - 1

/** A label becomes a file in /sys/class/xt_idletimer/timers, where these exist already. */
const TAKEN = ['power', 'subsystem', 'uevent']

/** linux/netfilter/xt_IDLETIMER.h */
export const IDLETIMER = target('IDLETIMER', {
  revisions: {
    0: struct('struct idletimer_tg_info', 40, { ...head, timer: raw(8, 8) }),
    1: struct('struct idletimer_tg_info_v1', 48, { ...head, sendNlMsg: u8, timerType: u8, timer: raw(8, 8) }),
  },
  restarts: 'the timer starts over',
  private: ({ timer }) => [timer],
  does: nothing,
  options: ({ timeout, label, ...at }) => ({
    timeout: option(integer(MAX_TIMEOUT, 1), timeout, { required: true, list: 'timeout:$' }),
    label: option(name(27), label, { required: true, list: 'label:$' }),
    alarm: flag(bit('timerType' in at ? at.timerType : constant(0), 0x01)),
  }),
  suspects:
    ({ label }) =>
    (bytes, at) => {
      const said = JSON.stringify(label.read(bytes, at))
      return [suspicion('label', ERRNO.EINVAL, `the timer ${said} already exists with another type`)]
    },
  check:
    ({ timeout, label, ...at }) =>
    (bytes, place) => {
      const after = timeout.read(bytes, place)
      if ('sendNlMsg' in at && at.sendNlMsg.read(bytes, place) !== 0)
        return { reason: 'only Android kernels can send messages', errno: ERRNO.EOPNOTSUPP }
      if (after < 1 || after > MAX_TIMEOUT) return about('timeout', `must be 1 to ${MAX_TIMEOUT} seconds`)
      const start = place + label.offset
      if (bytes.subarray(start, start + label.size).indexOf(0) < 1) return about('label', 'must be 1 to 27 bytes')
      const said = label.read(bytes, place)
      if (!isFileName(said) || TAKEN.includes(said))
        return about('label', `${JSON.stringify(said)} cannot be the name of a file in /sys`)
      if ('timerType' in at && at.timerType.read(bytes, place) > 1)
        return about('alarm', 'there is no such type of timer')
      return undefined
    },
})
