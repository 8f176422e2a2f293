/** Strips options from TCP packets. */

import { raw } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { isWholly, type Seen, unknown } from '../evaluation'
import { target } from '../extension'
import { optionPlaces } from '../header-options'
import { option } from '../option'
import { readInteger } from '../values/integer'
import { mismatch, type ValueType } from '../values/value'

const NAMES: Readonly<Record<string, number>> = {
  wscale: 3,
  mss: 2,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
}
const SIZE = 32

const has = (bitmap: Uint8Array, kind: number): boolean => (((bitmap[kind >> 3] as number) >> (kind & 7)) & 1) === 1
const kinds = (bitmap: Uint8Array): number[] =>
  Array.from({ length: SIZE * 8 }, (_, kind) => kind).filter((kind) => has(bitmap, kind))

/** Options 0 and 1 have no length: they end or fill the list. */
function kindOf(word: string): number {
  const kind = Object.hasOwn(NAMES, word) ? NAMES[word] : readInteger(word)
  return kind === undefined || kind < 2 || kind > 255
    ? mismatch(`${JSON.stringify(word)} is not a TCP option that can be stripped`)
    : kind
}

const options: ValueType<Uint8Array> = {
  expects: `a comma list of numbers from 2 to 255 and ${Object.keys(NAMES).join(', ')}`,
  parse(word) {
    const bitmap = new Uint8Array(SIZE)
    for (const kind of word.split(',').map(kindOf)) {
      if (has(bitmap, kind)) return mismatch(`TCP option ${kind} is given twice`)
      bitmap[kind >> 3] = (bitmap[kind >> 3] as number) | (1 << (kind & 7))
    }
    return bitmap
  },
  format: (bitmap) => kinds(bitmap).join(','),
  list: (bitmap, { numeric }) =>
    kinds(bitmap)
      .map((kind) => (numeric ? undefined : Object.keys(NAMES).find((name) => NAMES[name] === kind)) ?? String(kind))
      .join(','),
}

const NO_OPERATION = 1
const [HEADER, OFFSET] = [20, 12] as const

/** Replaces some options with NOPs. */
function withoutOptions(transport: Seen, stripped: Uint8Array): Seen {
  if (!isWholly(transport)) return unknown(transport.bytes.length)
  const bytes = transport.bytes.slice()
  const options = bytes.subarray(HEADER, 4 * ((bytes[OFFSET] as number) >>> 4))
  for (const [kind, at] of [...optionPlaces(options.slice())])
    if (kind > NO_OPERATION && has(stripped, kind)) options.fill(NO_OPERATION, at, at + (options[at + 1] || 1))
  return { ...transport, bytes }
}

/** linux/netfilter/xt_TCPOPTSTRIP.h */
export const TCPOPTSTRIP = target('TCPOPTSTRIP', {
  tables: ['mangle'],
  protocols: ['tcp'],
  revisions: { 0: struct('struct xt_tcpoptstrip_target_info', SIZE, { stripBmap: raw(SIZE, 4) }) },
  does:
    ({ stripBmap }) =>
    (bytes, at) => {
      const stripped = stripBmap.read(bytes, at).slice()
      return [{ kind: 'rewrite', make: (transport) => withoutOptions(transport, stripped) }]
    },
  options: ({ stripBmap }) => ({ 'strip-options': option(options, stripBmap, { list: 'TCPOPTSTRIP options $' }) }),
})
