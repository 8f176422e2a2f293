/** What an applet works with: its output, and the packet filter that contains its tables. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { FamilyName } from '../abi/family'
import { detectedBackend } from '../backend/detect'
import { aBackend, saidBackend, tableNames } from '../backend/open'
import type { BackendName } from '../backend/store'
import { isObject } from '../check-input'
import { IptcError, PermissionError } from '../errors'
import { type AnyTable, Table, Table6 } from '../iptc/table'
import type { TableOptions } from '../iptc/table-handle'
import { parseJson } from '../json'
import { type Capture, captureFromJson, captureTable, captureToJson } from '../kernel/capture'
import type { Kernel, NetlinkPort } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { holdFile } from '../kernel/linux/lock'
import { NetworkNamespace } from '../kernel/linux/namespace'
import { FileRefusal, type PlainFile } from '../kernel/linux/plain-file'
import {
  captureNftTable,
  isNftCapture,
  type NftCapture,
  nftCaptureFromJson,
  nftCaptureToJson,
  nftTableNames,
} from '../kernel/nft-capture'
import { PLACE_OPTIONS } from './applets/place'
import { CommandLineError } from './command-line'

/** The outside of an applet, so that one can be run in a test as well as in a process. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Whether it is to be written to in colours; no where absent. */
  readonly colours?: (() => boolean) | undefined
  /** All of standard input. */
  readonly stdin: () => string
  /** Where its tables are, and so the tool whose words it speaks. */
  readonly backend: BackendName
  /**
   * A handle on a table of the applet's family; the applet closes it. Nothing is asked of the kernel yet.
   * @param lockTimeoutMs how long to wait for the xtables lock; for ever unless said
   */
  readonly openTable: (name: string, lockTimeoutMs?: number) => AnyTable
  /** Names of the tables that exist already, newest first. */
  readonly tables: () => string[]
  /** Whether there are tables of ip_tables, whatever the backend; false where that may not be known. */
  readonly hasLegacyTables: () => boolean
}

/** What {@link PLACE_OPTIONS} say: names of `--rewrite` have a comma between two, `--backend` is `legacy` or `nft`. */
export type Place = { readonly [Name in keyof typeof PLACE_OPTIONS]?: string | undefined }

/**
 * Takes the options that say where the tables are from the front of the words. Further behind, they may be part of a
 * rule.
 * @throws CommandLineError for one without its value
 */
export function splitPlace(words: readonly string[]): { place: Place; rest: string[] } {
  const place: Record<string, string> = {}
  let rest = [...words]
  for (;;) {
    const [word = '', next] = rest
    const [, name, glued] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined || !Object.hasOwn(PLACE_OPTIONS, name)) return { place, rest }
    if (PLACE_OPTIONS[name as keyof Place].type === 'boolean') {
      if (glued !== undefined) throw new CommandLineError(`--${name} takes no word`)
      place[name] = ''
      rest = rest.slice(1)
      continue
    }
    const value = glued ?? next
    if (value === undefined) throw new CommandLineError(`--${name} requires a value`)
    place[name] = value
    rest = rest.slice(glued === undefined ? 2 : 1)
  }
}

/** A packet filter, and what is to be done when everything went well. Disposing of it lets others have it. */
export interface OpenKernel extends Disposable {
  readonly kernel: Kernel
  /** How its tables are written. */
  readonly writing: Pick<TableOptions, 'rewrite' | 'findRefused'> & { readonly backend?: BackendName | undefined }
  /** Writes the file that is the kernel, where one is and its tables have changed. @throws IptcError */
  readonly save: () => void
}

const NOTHING = (): void => {}

/** @throws IptcError for a place that cannot be; BlobError for a file that holds no tables */
export function openKernel({ rewrite, 'find-refused': findRefused, backend, ...place }: Place): OpenKernel {
  return Object.assign(openPlace(place), {
    writing: { rewrite: rewrite?.split(','), findRefused: findRefused !== undefined, backend: readBackend(backend) },
  })
}

/** @throws IptcError */
function readBackend(word: string | undefined): BackendName | undefined {
  if (word === undefined) return saidBackend()
  if (aBackend.accepts(word)) return word as BackendName
  throw new CommandLineError(`--backend must be ${aBackend.expected}, not ${word}`)
}

function openPlace({ netns, kernel = 'linux', state }: Place): Omit<OpenKernel, 'writing'> {
  if (kernel === 'memory') return openMemory(netns, state)
  if (kernel !== 'linux') throw new CommandLineError(`--kernel must be linux or memory, not ${kernel}`)
  if (state !== undefined)
    throw new CommandLineError('--state is for --kernel memory: the kernel of Linux keeps its own tables')
  const namespace = netns === undefined ? undefined : openNamespace(netns)
  return { kernel: new LinuxKernel({ namespace }), save: NOTHING, [Symbol.dispose]: NOTHING }
}

/** Enters it once: what is wrong with it must not be taken for something about tables or chains. */
function openNamespace(ref: string): NetworkNamespace {
  const namespace = NetworkNamespace.open(/^\d+$/.test(ref) ? Number(ref) : ref)
  namespace.run(NOTHING)
  return namespace
}

function openMemory(netns: string | undefined, state: string | undefined): Omit<OpenKernel, 'writing'> {
  if (netns !== undefined)
    throw new CommandLineError('--netns is for --kernel linux: a kernel in memory has no namespaces')
  const { MemoryKernel } = require('../kernel/memory/memory-kernel') as typeof import('../kernel/memory/memory-kernel')
  if (state === undefined) return { kernel: new MemoryKernel(), save: NOTHING, [Symbol.dispose]: NOTHING }
  const file = holdState(state)
  const release = (): void => closeSync(file.fd)
  try {
    const text = readFrom(state, () => readFileSync(file.fd, 'utf8'))
    const kernel = new MemoryKernel({ captures: text === '' ? [] : capturesIn(text, state) })
    const before = stateText(kernel)
    return { kernel, save: () => writeState(file, before, stateText(kernel)), [Symbol.dispose]: release }
  } catch (error) {
    release()
    throw error
  }
}

/** From reading it to writing it, nobody else may: what they changed would be lost. */
function holdState(path: string): PlainFile {
  try {
    return holdFile(path)
  } catch (cause) {
    const reason = cause instanceof FileRefusal ? cause.message : (cause as NodeJS.ErrnoException).code
    throw new IptcError('XT_FILE', `cannot open ${path} (${reason})`, { cause })
  }
}

/** The tables in a file: one capture, or a list of them. @throws IptcError, BlobError */
export const readCaptures = (path: string): (Capture | NftCapture)[] => capturesIn(readText(path), path)

function capturesIn(text: string, from: string): (Capture | NftCapture)[] {
  const json = parseJson(text, from)
  const isNft = (one: unknown): boolean => isObject(one) && isNftCapture(one)
  return (Array.isArray(json) ? json : [json]).map((one) => (isNft(one) ? nftCaptureFromJson : captureFromJson)(one))
}

/** @throws IptcError */
export const readText = (path: string): string => readFrom(path, () => readFileSync(path, 'utf8'))

/** @throws IptcError which says where the text was to come from */
export function readFrom(name: string, read: () => string): string {
  try {
    return read()
  } catch (cause) {
    throw new IptcError('XT_FILE', `cannot read ${name} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

const FAMILY_NAMES: readonly FamilyName[] = ['ipv4', 'ipv6']

/** Every table, the oldest first, so that reading them again gives the same order. */
function stateText(kernel: Kernel & NetlinkPort): string {
  const captures = FAMILY_NAMES.flatMap((family) =>
    kernel
      .tables(family)
      .reverse()
      .map((table) => captureToJson(captureTable(kernel, family, table))),
  )
  const ofNft = FAMILY_NAMES.flatMap((family) =>
    nftTableNames(kernel, family).map((table) => nftCaptureToJson(captureNftTable(kernel, family, table))),
  )
  return `${JSON.stringify([...captures, ...ofNft], undefined, 1)}\n`
}

/** All or nothing: a file that is half written would be no kernel any more. */
function writeState({ fd, path }: PlainFile, before: string, after: string): void {
  if (after === before) return
  const folder = dirname(path)
  // One name, as whoever writes holds the file: what somebody left who was killed is taken away by the next.
  const temporary = join(folder, `.${basename(path)}.xtables`)
  try {
    rmSync(temporary, { force: true })
    writeNew(temporary, after, fstatSync(fd).mode & 0o7777)
    renameSync(temporary, path)
    sync(folder)
  } catch (cause) {
    throw new IptcError('XT_FILE', `cannot write ${path} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

/** @throws where there is a file of that name, whatever it is */
function writeNew(path: string, text: string, mode: number): void {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    writeFileSync(fd, text)
    fchmodSync(fd, mode)
    fsyncSync(fd)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

/** A new name is on the disk once its folder is. */
function sync(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Where the tables are that a name means which says nothing of that: what the words before it say, or where there are some. */
export const backendOf = ({ kernel, writing }: OpenKernel, family: FamilyName): BackendName =>
  writing.backend ?? detectedBackend(kernel, family, kernel instanceof LinuxKernel ? 'nft' : 'legacy')

/** Where the tables of one family are, for the library. */
export const placeIn = (open: OpenKernel, family: FamilyName) => ({
  ...{ ipv6: family === 'ipv6', kernel: open.kernel, ...open.writing, backend: backendOf(open, family) },
})

/** The way to the tables of one family. */
export function tablesIn(
  { kernel, writing }: Pick<OpenKernel, 'kernel'> & Partial<OpenKernel>,
  family: FamilyName,
): Pick<Io, 'backend' | 'openTable' | 'tables' | 'hasLegacyTables'> {
  const backend = writing?.backend ?? 'legacy'
  return {
    backend,
    openTable(name, lockTimeoutMs = Number.POSITIVE_INFINITY) {
      const options = { kernel, lockTimeoutMs, ...writing }
      return family === 'ipv4' ? new Table(name, options) : new Table6(name, options)
    },
    tables: () => tableNames(backend, kernel, family),
    hasLegacyTables: () => hasTables(kernel, family),
  }
}

function hasTables(kernel: Kernel, family: FamilyName): boolean {
  try {
    return kernel.tables(family).length > 0
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error
    return false
  }
}
