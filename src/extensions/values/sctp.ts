/** SCTP chunk types, with the flags that are tested in them. */
import { hex } from './integer'
import { findName } from './names'
import { halves, mismatch, type ValueType } from './value'

/** A chunk type, the flags that must be set, and the flags that are tested. */
export type Chunk = readonly [type: number, flags: number, mask: number]

/** Chunks with flags are in the order in which the flags are stored. */
export type Chunks = readonly Chunk[] | 'ALL'

const TYPES = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  ECN_ECNE: 12,
  ECN_CWR: 13,
  SHUTDOWN_COMPLETE: 14,
  I_DATA: 64,
  ASCONF_ACK: 128,
  RE_CONFIG: 130,
  PAD: 132,
  FORWARD_TSN: 192,
  ASCONF: 193,
  I_FORWARD_TSN: 194,
}
const NAMES = Object.keys(TYPES) as (keyof typeof TYPES)[]

/** Letters of the flags of a chunk, from the highest bit. */
const FLAGS: Readonly<Partial<Record<number, string>>> = {
  [TYPES.DATA]: 'IUBE',
  [TYPES.I_DATA]: 'IUBE',
  [TYPES.ABORT]: 'T',
  [TYPES.SHUTDOWN_COMPLETE]: 'T',
}

function parseFlags(letters: string, type: number): [flags: number, mask: number] {
  const known = FLAGS[type] ?? ''
  const bits = (word: string): number =>
    Array.from(word).reduce((all, letter) => {
      const place = known.toUpperCase().indexOf(letter.toUpperCase())
      return place < 0
        ? mismatch(`${JSON.stringify(letter)} is not a flag of this type`)
        : all | (1 << (known.length - 1 - place))
    }, 0)
  const [set, clear] = [bits(letters.replace(/[a-z]/g, '')), bits(letters.replace(/[A-Z]/g, ''))]
  return set & clear ? mismatch('a flag cannot be both set and not set') : [set, set | clear]
}

/** The flags as letters, or as numbers if they have none. */
function formatFlags([type, flags, mask]: Chunk): string {
  const known = FLAGS[type] ?? ''
  if (mask >> known.length !== 0) return `:${hex(flags)}/${hex(mask)}`
  const letters = Array.from(known, (letter, i) => {
    const flag = 1 << (known.length - 1 - i)
    return (mask & flag) === 0 ? '' : (flags & flag) === 0 ? letter.toLowerCase() : letter
  })
  return mask === 0 ? '' : `:${letters.join('')}`
}

function parseChunk(item: string): Chunk {
  const [word, letters = ''] = halves(item, ':')
  const name = findName(NAMES, word, { anyCase: true }) ?? mismatch(`${JSON.stringify(word)} is not a type of chunk`)
  return [TYPES[name], ...parseFlags(letters, TYPES[name])]
}

/** Combines what several items say about the same type. */
function merge(chunks: readonly Chunk[]): Chunk[] {
  const merged = new Map<number, Chunk>()
  for (const chunk of chunks) {
    const [type, flags, mask] = chunk
    const [, others, otherMask] = merged.get(type) ?? [type, 0, 0]
    if (((flags ^ others) & mask & otherMask) !== 0) mismatch('a flag cannot be both set and not set')
    if (otherMask === 0) merged.delete(type)
    merged.set(type, [type, flags | others, mask | otherMask])
  }
  return [...merged.values()]
}

const nameOf = (type: number): string => NAMES.find((name) => TYPES[name] === type) ?? String(type)

const numberOf = (type: number): string => `0x${type.toString(16).toUpperCase().padStart(4, '0')}`

const format = (chunks: Chunks, word: (type: number) => string): string => {
  if (chunks === 'ALL') return chunks
  return chunks.length === 0 ? 'NONE' : chunks.map((chunk) => word(chunk[0]) + formatFlags(chunk)).join(',')
}

/** A list of chunk types, each with the flags to test. */
export const chunkTypes: ValueType<Chunks, string> = {
  expects: `ALL, NONE, or a comma list of type[:flags], the types ${NAMES.join(', ')}; a flag is I, U, B or E of DATA and I_DATA, or T of ABORT and SHUTDOWN_COMPLETE, in lower case if it is not set`,
  parse(word) {
    if (/^all$/i.test(word)) return 'ALL'
    if (/^none$/i.test(word)) return []
    const items = word.split(',').filter((item) => item !== '')
    return items.length === 0 ? mismatch('no type is given') : merge(items.map(parseChunk))
  },
  format: (chunks) => format(chunks, nameOf),
  list: (chunks, { numeric }) =>
    format(chunks === 'ALL' ? chunks : [...chunks].sort(([a], [b]) => a - b), numeric ? numberOf : nameOf),
}
