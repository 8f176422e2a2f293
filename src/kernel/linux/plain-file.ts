/**
 * Opens files safely in folders that everyone may write to. Another user can set traps there: a link to a file of somebody
 * else, or a pipe that blocks. So anything in such a folder must belong to root or to this user, at every step of the path.
 */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, isAbsolute, join, parse, sep } from 'node:path'

/** A file must not be opened. The message says which, and why. */
export class FileRefusal extends Error {}

const MAX_LINKS = 40
/** The links in here refer to open files. Their texts look like paths, but need not be any. */
const DESCRIPTORS = /^\/proc\/(?:[^/]+\/)*fd$/

const isShared = (folder: string): boolean => (lstatSync(folder).mode & 0o002) !== 0

function checkOwner(folder: string, entry: string, { uid }: Stats): void {
  if (uid === 0 || uid === process.geteuid?.() || !isShared(folder)) return
  throw new FileRefusal(`${entry} is another user's, in a folder that everyone may write to`)
}

/**
 * Resolves all symbolic links of a path. The file itself need not exist.
 * @throws FileRefusal, and what the file system throws
 */
export function follow(path: string): string {
  const absolute = isAbsolute(path) ? path : join(process.cwd(), sep) + path
  let place = parse(absolute).root
  const names = absolute.slice(place.length).split(sep)
  for (let links = 0; names.length > 0; ) {
    const name = names.shift() as string
    if (name === '..') place = dirname(place)
    if (['', '.', '..'].includes(name)) continue
    const entry = join(place, name)
    const stats = lstatSync(entry, { throwIfNoEntry: names.length > 0 })
    if (stats !== undefined) checkOwner(place, entry, stats)
    if (!stats?.isSymbolicLink() || DESCRIPTORS.test(place)) {
      place = entry
      continue
    }
    if (++links > MAX_LINKS) throw new FileRefusal(`${path} leads through too many symbolic links`)
    const target = readlinkSync(entry)
    const { root } = parse(target)
    names.unshift(...target.slice(root.length).split(sep))
    if (root !== '') place = root
  }
  return place
}

/** A regular file that is open for reading. */
export interface PlainFile {
  readonly fd: number
  /** Without symbolic links. */
  readonly path: string
}

/**
 * Opens a regular file for reading, without blocking.
 * @param mode the mode with which a missing file is created; undefined to create none
 * @throws FileRefusal, and what the file system throws
 */
export function openPlain(name: string, mode?: number): PlainFile {
  const path = follow(name)
  // Checked before opening as well, because opening a device can have side effects.
  const before = lstatSync(path, { throwIfNoEntry: false })
  if (before !== undefined) checkPlain(path, before)
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_CREAT } = constants
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | (mode === undefined ? 0 : O_CREAT), mode)
  try {
    checkPlain(path, fstatSync(fd))
    return { fd, path }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function checkPlain(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new FileRefusal(`${path} is no regular file`)
  const folder = dirname(path)
  checkOwner(folder, path, stats)
  // Another user may have made a hard link in the folder to a file of root or of this user.
  if (stats.nlink > 1 && isShared(folder))
    throw new FileRefusal(`${path} has several names (hard links), in a folder that everyone may write to`)
}

/**
 * Opens a file for writing. A regular file is emptied, or created if missing; pipes and devices are opened as they are.
 * @throws FileRefusal, and what the file system throws
 */
export function openForWriting(name: string): number {
  const path = follow(name)
  const { O_WRONLY, O_CREAT, O_NOFOLLOW = 0 } = constants
  const fd = openSync(path, O_WRONLY | O_CREAT | (DESCRIPTORS.test(dirname(path)) ? 0 : O_NOFOLLOW), 0o666)
  try {
    const stats = fstatSync(fd)
    if (stats.isFile()) {
      checkPlain(path, stats)
      // Not by O_TRUNC: before the check, it could be any file.
      ftruncateSync(fd)
    }
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}
