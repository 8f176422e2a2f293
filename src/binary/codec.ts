/**
 * Values of fixed size in memory, as a C compiler lays them out on little-endian LP64 machines. Only this
 * file deals with byte order.
 */

/** How one type is laid out in memory. `at` is the absolute position of its first byte. */
export interface Codec<T> {
  /** Size of a value in bytes, including tail padding. */
  readonly size: number
  /** C alignment in bytes. */
  readonly align: number
  read(bytes: Uint8Array, at: number): T
  write(bytes: Uint8Array, at: number, value: T): void
}

/** A codec at a fixed place in a struct: `at` is the offset of the struct. */
export interface Field<T> extends Codec<T> {
  readonly offset: number
}

/** `bytes[at]`. The caller has checked the bounds once for the whole struct. */
const byte = (bytes: Uint8Array, at: number): number => bytes[at] as number

/** Returns the value. @throws RangeError if the field cannot hold it, rather than truncate it */
const fitting = (value: number, max: number): number => {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} does not fit: the field holds at most ${max}`)
  return value
}

/** `__u8` */
export const u8: Codec<number> = {
  size: 1,
  align: 1,
  read: byte,
  write(bytes, at, value) {
    bytes[at] = fitting(value, 0xff)
  },
}

/** `bool`, or a byte that holds a boolean. */
export const bool8: Codec<boolean> = {
  size: 1,
  align: 1,
  read: (bytes, at) => bytes[at] !== 0,
  write(bytes, at, value) {
    bytes[at] = value ? 1 : 0
  },
}

/** `__u16` */
export const u16: Codec<number> = {
  size: 2,
  align: 2,
  read: (bytes, at) => byte(bytes, at) | (byte(bytes, at + 1) << 8),
  write(bytes, at, value) {
    bytes[at] = fitting(value, 0xffff)
    bytes[at + 1] = value >>> 8
  },
}

/** `__be16`: a port in network byte order. */
export const be16: Codec<number> = {
  size: 2,
  align: 2,
  read: (bytes, at) => (byte(bytes, at) << 8) | byte(bytes, at + 1),
  write(bytes, at, value) {
    bytes[at] = fitting(value, 0xffff) >>> 8
    bytes[at + 1] = value
  },
}

const readU32 = (bytes: Uint8Array, at: number): number =>
  (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)) >>> 0

const writeU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** `__u32` */
export const u32: Codec<number> = {
  size: 4,
  align: 4,
  read: readU32,
  write: (bytes, at, value) => writeU32(bytes, at, fitting(value, 0xffff_ffff)),
}

/** `__be32` */
export const be32: Codec<number> = {
  size: 4,
  align: 4,
  read: (bytes, at) => ((be16.read(bytes, at) << 16) | be16.read(bytes, at + 2)) >>> 0,
  write(bytes, at, value) {
    be16.write(bytes, at, fitting(value, 0xffff_ffff) >>> 16)
    be16.write(bytes, at + 2, value & 0xffff)
  },
}

/** `__s32` */
export const s32: Codec<number> = { size: 4, align: 4, read: (bytes, at) => readU32(bytes, at) | 0, write: writeU32 }

/** A C `int` that holds a boolean. */
export const bool32: Codec<boolean> = {
  size: 4,
  align: 4,
  read: (bytes, at) => readU32(bytes, at) !== 0,
  write: (bytes, at, value) => writeU32(bytes, at, value ? 1 : 0),
}

/** `__u64` */
export const u64: Codec<bigint> = {
  size: 8,
  align: 8,
  read: (bytes, at) => (BigInt(readU32(bytes, at + 4)) << 32n) | BigInt(readU32(bytes, at)),
  write(bytes, at, value) {
    if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} does not fit into 64 bits`)
    // Nearly all values are small, and bigint arithmetic is slow.
    const isSmall = value <= 0xffff_ffffn
    writeU32(bytes, at, Number(isSmall ? value : value & 0xffff_ffffn))
    writeU32(bytes, at + 4, isSmall ? 0 : Number(value >> 32n))
  },
}

/** `__be64` */
export const be64: Codec<bigint> = {
  size: 8,
  align: 8,
  read: (bytes, at) => (BigInt(be32.read(bytes, at)) << 32n) | BigInt(be32.read(bytes, at + 4)),
  write(bytes, at, value) {
    if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} does not fit into 64 bits`)
    be32.write(bytes, at, Number(value >> 32n))
    be32.write(bytes, at + 4, Number(value & 0xffff_ffffn))
  },
}

/** `size` bytes, unchanged; a read returns a copy. `align` is the alignment of the C type that they represent. */
export const raw = (size: number, align = 1): Codec<Uint8Array> => ({
  size,
  align,
  read: (bytes, at) => bytes.slice(at, at + size),
  write(bytes, at, value) {
    // For a few bytes, the overhead of `set` costs more than the copy.
    if (size > SHORT) bytes.set(value.subarray(0, size), at)
    else for (let i = 0; i < size && i < value.length; i++) bytes[at + i] = value[i] as number
  },
})

const SHORT = 16

/** An array of `count` values of one type. */
export const array = <T>(codec: Codec<T>, count: number): Codec<T[]> => ({
  size: codec.size * count,
  align: codec.align,
  read: (bytes, at) => Array.from({ length: count }, (_, i) => codec.read(bytes, at + i * codec.size)),
  write(bytes, at, values) {
    for (const [i, value] of values.entries()) codec.write(bytes, at + i * codec.size, value)
  },
})

/** Two values of one type: a first and a last, or a value and a mask. */
export const pair = <T>(codec: Codec<T>): Codec<readonly [T, T]> => ({
  size: codec.size * 2,
  align: codec.align,
  read: (bytes, at) => [codec.read(bytes, at), codec.read(bytes, at + codec.size)],
  write(bytes, at, [first, last]) {
    codec.write(bytes, at, first)
    codec.write(bytes, at + codec.size, last)
  },
})
