/**
 * A change that is rolled back unless it is confirmed: a private directory, shared by the process that applies the change,
 * the one that waits, and the one that confirms. They decide by renaming the same file, which only one of them can do.
 */
import { existsSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { IptcError } from '../errors'
import type { TakeBack, TakenBack } from '../reconcile/take-back'
import type { Place } from './open-kernel'
import { fileReason } from './read-files'

export interface PendingData {
  /** Where the tables are. */
  readonly place: Place
  /** The inode of the network namespace of the tables; null for a kernel in memory. */
  readonly namespace: number | null
  readonly seconds: number
  readonly takeBack: TakeBack
}

const DATA = 'change.json'
const RESULT = 'result'
/** The file that is renamed to the decision. */
const WAITING = 'waiting'

export type Decision = 'kept' | 'undo'

/**
 * Progress, as empty files. `ready`: the process that rolls back is running. `begun`: from now on, tables may change.
 * `failed`: not all tables were changed.
 */
type Mark = 'ready' | 'begun' | 'failed'

export class Pending {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** @throws IptcError if the files cannot be written */
  static make(data: PendingData): Pending {
    const place = parent()
    let pending: Pending | undefined
    try {
      pending = new Pending(mkdtempSync(join(place, 'xtables-')))
      pending.#write(DATA, JSON.stringify(data))
      pending.#write(WAITING, '')
      return pending
    } catch (cause) {
      pending?.remove()
      throw new IptcError(
        'XT_COMMAND',
        `nothing was changed: the files to take the change back cannot be written to ${place}: ${fileReason(cause)}`,
        { cause },
      )
    }
  }

  /** @throws IptcError if the directory is not one of a change, or if other users could have created or changed it */
  static open(directory: string): Pending {
    const path = resolve(directory)
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined)
      throw new IptcError('XT_COMMAND', `no change is pending in ${directory}: it was confirmed, or never made`)
    const isOurs = [0, process.geteuid?.()].includes(stats.uid) && (stats.mode & 0o077) === 0
    if (!stats.isDirectory() || !isOurs || !existsSync(join(path, DATA)))
      throw new IptcError('XT_COMMAND', `${directory} is not a directory of xtables apply --confirm`)
    return new Pending(path)
  }

  get data(): PendingData {
    return JSON.parse(readFileSync(join(this.directory, DATA), 'utf8')) as PendingData
  }

  /** @returns whether this decision counts; false if there already was one */
  decide(decision: Decision): boolean {
    try {
      renameSync(join(this.directory, WAITING), join(this.directory, decision))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return false
    }
  }

  /** Undefined if nothing is decided yet. `gone` if the directory was deleted: by somebody, or some time after a confirmation. */
  get decision(): Decision | 'gone' | undefined {
    if (existsSync(join(this.directory, WAITING))) return undefined
    return (['kept', 'undo'] as const).find((one) => existsSync(join(this.directory, one))) ?? 'gone'
  }

  mark(mark: Mark): void {
    this.#write(mark, '')
  }

  has(mark: Mark): boolean {
    return existsSync(join(this.directory, mark))
  }

  /** The result of the rollback; undefined until it is finished. */
  get result(): TakenBack | undefined {
    try {
      return JSON.parse(readFileSync(join(this.directory, RESULT), 'utf8')) as TakenBack
    } catch {
      return undefined
    }
  }
  set result(result: TakenBack) {
    this.#write(RESULT, JSON.stringify(result))
  }

  /** Writes a file atomically. */
  #write(name: string, text: string): void {
    const temporary = join(this.directory, `.${name}.${process.pid}`)
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o600 })
    renameSync(temporary, join(this.directory, name))
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A directory for files of running programs, which does not survive a reboot. */
function parent(): string {
  const own = process.env['XDG_RUNTIME_DIR'] || (process.geteuid?.() === 0 ? '/run' : '')
  return own !== '' && statSync(own, { throwIfNoEntry: false })?.isDirectory() ? own : tmpdir()
}
