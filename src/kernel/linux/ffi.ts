/**
 * Calls C functions of libc. This is the only file that imports ffi-rs, and it does so at the first call: the package can
 * be imported, and its in-process kernel used, on platforms without a binary of ffi-rs.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { endianness } from 'node:os'
import { UnsupportedError } from '../../errors'

/** An `int`; a buffer that the function works on in place; a `size_t` or an address. */
export type CType = 'int' | 'buffer' | 'size'
export type CValue = number | bigint | Uint8Array

export interface CFunction {
  readonly name: string
  readonly params: readonly CType[]
  readonly returns: CType
}

export interface Outcome {
  readonly value: number | bigint
  /** 0 unless the function returned -1: otherwise errno has no meaning. */
  readonly errno: number
}

/** The part of ffi-rs that is used. */
interface FfiRs {
  readonly DataType: Readonly<Record<string, number>>
  open(library: { library: string; path: string }): void
  load(call: object): unknown
}

const DATA_TYPES: Readonly<Record<CType, string>> = { int: 'I32', buffer: 'U8Array', size: 'BigInt' }
/** Older versions return the errno of another call for calls in a new thread. */
const OLDEST_VERSION = '1.3.2'
const LIBRARY = 'libc'

let loaded: FfiRs | undefined

/** @throws UnsupportedError if the machine is not supported, or ffi-rs cannot be loaded */
function ffiRs(): FfiRs {
  loaded ??= openLibc()
  return loaded
}

function openLibc(): FfiRs {
  checkMachine()
  const ffi = requireFfi()
  // An empty path means the process itself, which contains libc, whether glibc or musl.
  ffi.open({ library: LIBRARY, path: '' })
  if (!isMainThread()) keepMapped(ffi)
  return ffi
}

/** proc(5): `PID/task/TID`. Loading node:worker_threads takes longer, and is used only if /proc does not show this process. */
function isMainThread(): boolean {
  try {
    return /^(\d+)\/task\/\1$/.test(readlinkSync('/proc/thread-self'))
  } catch {
    return (require('node:worker_threads') as typeof import('node:worker_threads')).isMainThread
  }
}

const MAPS = '/proc/self/maps'

/** dlfcn.h */
const RTLD_NOW = 0x2
const RTLD_NODELETE = 0x1000

/**
 * Prevents the binary from being unmapped. Node unmaps it when the last thread that loaded it ends, but destructors of that
 * thread are in it and run later: a worker that alone has loaded ffi-rs would crash the process.
 */
function keepMapped(ffi: FfiRs): void {
  const binary = /\/.*\/ffi-rs[^/]*\.node$/m.exec(readFileSync(MAPS, 'utf8'))?.[0]
  if (binary === undefined) return
  const dlopen: CFunction = { name: 'dlopen', params: ['buffer', 'int'], returns: 'size' }
  ffi.load(request(ffi, dlopen, [Buffer.from(`${binary}\0`), RTLD_NOW | RTLD_NODELETE]))
}

/** @throws UnsupportedError on machines that the library does not support */
export function checkMachine(): void {
  const { platform, arch } = process
  const fits = platform === 'linux' && (arch === 'x64' || arch === 'arm64') && endianness() === 'LE'
  if (fits) return
  throw new UnsupportedError(
    'XT_UNSUPPORTED_PLATFORM',
    `the kernel can be reached on Linux on x64 and arm64 only, this is ${platform} on ${arch} (${endianness()}); ` +
      'the in-process kernel works everywhere',
  )
}

function requireFfi(): FfiRs {
  const { version } = attempt<{ version: string }>(() => require('ffi-rs/package.json'))
  if (isBefore(version, OLDEST_VERSION))
    throw new UnsupportedError('XT_FFI_MISSING', `ffi-rs ${version} is too old, ${OLDEST_VERSION} or newer is needed`)
  return attempt<FfiRs>(() => withQuickReport(() => require('ffi-rs')) ?? require('ffi-rs'))
}

/** Compares the three numbers of versions, and ignores suffixes. */
function isBefore(version: string, other: string): boolean {
  const [one, two] = [version, other].map((text) => text.split('.', 3).map(Number.parseFloat))
  const at = one?.findIndex((number, i) => number !== two?.[i]) ?? -1
  return at >= 0 && (one?.[at] as number) < (two?.[at] as number)
}

/**
 * Loads ffi-rs with a substitute for Node's diagnostic report, of which ffi-rs uses only whether libc is glibc or musl. The
 * report takes 5 ms, of 15 from the start of a command to its first system call; reading the memory map takes 1 ms.
 * @returns undefined if that failed
 */
function withQuickReport<T>(load: () => T): T | undefined {
  const { report } = process
  const { getReport } = report
  try {
    const isMusl = readFileSync(MAPS, 'latin1').includes('/ld-musl-')
    report.getReport = () => ({ header: isMusl ? {} : { glibcVersionRuntime: 'glibc' } })
    return load()
  } catch {
    return undefined
  } finally {
    report.getReport = getReport
  }
}

function attempt<T>(load: () => unknown): T {
  try {
    return load() as T
  } catch (cause) {
    throw new UnsupportedError(
      'XT_FFI_MISSING',
      `ffi-rs cannot be loaded on ${process.platform} ${process.arch}: is its binary, an optional dependency, installed?`,
      { cause },
    )
  }
}

const request = (ffi: FfiRs, { name, params, returns }: CFunction, values: readonly CValue[]) => ({
  library: LIBRARY,
  funcName: name,
  retType: ffi.DataType[DATA_TYPES[returns]],
  paramsType: params.map((type) => ffi.DataType[DATA_TYPES[type]]),
  paramsValue: values,
  errno: true,
})

const outcome = ({ value, errnoCode }: { value: number | bigint; errnoCode: number }): Outcome => ({
  value,
  errno: Number(value) === -1 ? errnoCode : 0,
})

/** Calls `fn` on this thread. */
export function call(fn: CFunction, ...values: CValue[]): Outcome {
  const ffi = ffiRs()
  return outcome(ffi.load(request(ffi, fn, values)) as never)
}

/** Calls `fn` on another thread. The caller must keep the buffers referenced until the promise settles. */
export async function callAsync(fn: CFunction, ...values: CValue[]): Promise<Outcome> {
  const ffi = ffiRs()
  return outcome((await ffi.load({ ...request(ffi, fn, values), runInNewThread: true })) as never)
}
