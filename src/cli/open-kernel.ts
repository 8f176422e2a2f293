/** Opens what an applet works with: its input and output, and the packet filter that contains its tables. */
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
import { PLACE_OPTIONS } from './applets/place-options'
import { CommandLineError } from './command-line'

/** The interface of an applet to its environment, so that it can run in a test as well as in a process. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Whether standard output gets colours. If absent, it does not. */
  readonly colours?: (() => boolean) | undefined
  /** All of standard input. */
  readonly stdin: () => string
  /** The backend of its tables. It also decides which of the two tools it imitates in its messages. */
  readonly backend: BackendName
  /**
   * Opens a table of the applet's family, which the applet has to close. This does not access the kernel yet.
   * @param lockTimeoutMs how long to wait for the xtables lock; by default for ever
   */
  readonly openTable: (name: string, lockTimeoutMs?: number) => AnyTable
  /** The names of existing tables, newest first. */
  readonly tables: () => string[]
  /** Whether ip_tables has tables, whatever the backend is; false without the privilege to find out. */
  readonly hasLegacyTables: () => boolean
}

/** The values of {@link PLACE_OPTIONS}. The names of `--rewrite` are separated by commas; `--backend` is `legacy` or `nft`. */
export type Place = { readonly [Name in keyof typeof PLACE_OPTIONS]?: string | undefined }

/**
 * Removes the place options from the front of the words. Further back, words that look like them may be part of a rule.
 * @throws CommandLineError for an option without its value
 */
export function splitPlace(words: readonly string[]): { place: Place; rest: string[] } {
  const place: Record<string, string> = {}
  let rest = [...words]
  for (;;) {
    const [word = '', next] = rest
    const [, name, glued] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined || !Object.hasOwn(PLACE_OPTIONS, name)) return { place, rest }
    const option = PLACE_OPTIONS[name as keyof Place]
    if (option.type === 'boolean') {
      if (glued !== undefined) throw new CommandLineError(`--${name} takes no value`)
      place[name] = ''
      rest = rest.slice(1)
      continue
    }
    const value = glued ?? next
    if (value === undefined) throw new CommandLineError(`--${name} requires a value: ${option.takes}`)
    place[name] = value
    rest = rest.slice(glued === undefined ? 2 : 1)
  }
}

/** An open packet filter. Disposing of it releases the lock on the state file, if there is one. */
export interface OpenKernel extends Disposable {
  readonly kernel: Kernel
  /** Options for tables in it. */
  readonly writing: Pick<TableOptions, 'rewrite' | 'findRefused'> & { readonly backend?: BackendName | undefined }
  /** Writes the state file, if there is one and its tables have changed. @throws IptcError */
  readonly save: () => void
}

const NOTHING = (): void => {}

/** @throws IptcError if the place does not exist or its options contradict each other; BlobError for an invalid state file */
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

/** Enters the namespace once, so that errors about it are not mistaken for errors about tables or chains. */
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

/** Locks the state file from reading to writing, so that no change of another process is lost. */
function holdState(path: string): PlainFile {
  try {
    return holdFile(path)
  } catch (cause) {
    const reason = cause instanceof FileRefusal ? cause.message : (cause as NodeJS.ErrnoException).code
    throw new IptcError('XT_FILE', `cannot open ${path} (${reason})`, { cause })
  }
}

/** The tables in a file that contains one capture or a list of captures. @throws IptcError, BlobError */
export const readCaptures = (path: string): (Capture | NftCapture)[] => capturesIn(readText(path), path)

function capturesIn(text: string, from: string): (Capture | NftCapture)[] {
  const json = parseJson(text, from)
  const isNft = (one: unknown): boolean => isObject(one) && isNftCapture(one)
  return (Array.isArray(json) ? json : [json]).map((one) => (isNft(one) ? nftCaptureFromJson : captureFromJson)(one))
}

/** @throws IptcError */
export const readText = (path: string): string => readFrom(path, () => readFileSync(path, 'utf8'))

/** @param name what is read, for the message of an error. @throws IptcError */
export function readFrom(name: string, read: () => string): string {
  try {
    return read()
  } catch (cause) {
    throw new IptcError('XT_FILE', `cannot read ${name} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

const FAMILY_NAMES: readonly FamilyName[] = ['ipv4', 'ipv6']

/** All tables, oldest first, so that reading the text back gives the same order. */
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

/** Replaces the state file atomically: half a file would be unusable. */
function writeState({ fd, path }: PlainFile, before: string, after: string): void {
  if (after === before) return
  const folder = dirname(path)
  // A fixed name is safe, because only the process with the lock writes. The next one removes what a killed process left.
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

/** @throws if anything exists at this path */
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

/** The rename is only on disk once the directory is. */
function sync(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The backend for a plain name: the one that options or the environment select, else the one that has rules. */
export const backendOf = ({ kernel, writing }: OpenKernel, family: FamilyName): BackendName =>
  writing.backend ?? detectedBackend(kernel, family, kernel instanceof LinuxKernel ? 'nft' : 'legacy')

/** The same kernel with the backend for one family: see {@link backendOf}. */
export const withBackend = (open: OpenKernel, family: FamilyName): OpenKernel => ({
  ...open,
  writing: { ...open.writing, backend: backendOf(open, family) },
})

/** The tables of one family, as options of the library. */
export const placeIn = (open: OpenKernel, family: FamilyName) => ({
  ...{ ipv6: family === 'ipv6', kernel: open.kernel, ...withBackend(open, family).writing },
})

/** Access to the tables of one family, for an applet. */
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
