/** A table of ip_tables: read as a whole, and replaced as a whole under the xtables lock. */
import type { Family } from '../../abi/family'
import { giveBack, takeZeros } from '../../binary/buffers'
import { readRulesetSliced } from '../../blob/read'
import type { Client, TableEntries } from '../../kernel/client'
import type { Kernel, Lend, Lock, LockRequest } from '../../kernel/kernel'
import type { Ruleset } from '../../ruleset/ruleset'
import { atOnce, inSlices, type Sliced } from '../../time-slices'
import type { Change, Reading, ReadingUse, Store } from '../store'
import { type CommitOptions, type Exchange, prepare, replace, replaceAsync } from './commit'
import { readingOf, type Snapshot, unchanged, writtenOf } from './snapshot'

/**
 * Memory for a snapshot that will be overwritten by the edited table, with room to grow at both ends. It is zeroed:
 * Linux does not write the bytes after the name of an extension, and the edited table sends them back.
 */
const roomyBuffer = (size: number): Uint8Array => takeZeros(ROOM + size + ROOM).subarray(ROOM, ROOM + size)
const ROOM = 0x1_0000

interface Place {
  readonly kernel: Kernel
  readonly client: Client
  readonly options: CommitOptions
}

export class LegacyStore implements Store {
  readonly backend = 'legacy'
  readonly attempts = 8
  readonly #place: Place
  readonly #family: Family
  readonly #table: string

  constructor(place: Place, family: Family, table: string) {
    this.#place = place
    this.#family = family
    this.#table = table
  }

  read(use: ReadingUse): Reading {
    const isPrivate = use === 'edit'
    const { client } = this.#place
    const entries = isPrivate ? client.entries(this.#table, roomyBuffer) : client.entries(this.#table)
    return atOnce(this.#reading(entries, isPrivate))
  }

  async readAsync(): Promise<Reading> {
    return inSlices(this.#reading(await this.#place.client.entriesAsync(this.#table), false))
  }

  *#reading({ info, entries }: TableEntries, isPrivate: boolean): Sliced<Reading> {
    const ruleset = yield* readRulesetSliced(this.#family, this.#table, info, entries)
    return new LegacyReading(this.#place, readingOf(ruleset, isPrivate))
  }

  lock(timeoutMs: number): Lock {
    return this.#place.kernel.lock(timeoutMs)
  }

  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return this.#place.kernel.withLockAsync(request, body)
  }

  /** Nothing to close: the client belongs to the caller. */
  close(): void {}
}

class LegacyReading implements Reading {
  readonly #place: Place
  readonly #snapshot: Snapshot

  constructor(place: Place, snapshot: Snapshot) {
    this.#place = place
    this.#snapshot = snapshot
  }

  get ruleset(): Ruleset {
    return this.#snapshot.ruleset
  }

  *prepare(to: Ruleset): Sliced<Change> {
    const { kernel, client, options } = this.#place
    const from = this.#snapshot
    return new Replacement(this.#place, {
      kernel,
      client,
      from,
      to,
      options,
      prepared: yield* prepare(client, from, to, options),
    })
  }

  isUnchanged(now: Reading): Sliced<boolean> {
    return unchanged(this.#snapshot, (now as LegacyReading).#snapshot)
  }

  release(): void {
    const { image } = this.ruleset
    if (image !== undefined) giveBack(image.bytes)
  }
}

/** A prepared replacement of the whole table. */
class Replacement implements Change {
  readonly #place: Place
  readonly #exchange: Exchange

  constructor(place: Place, exchange: Exchange) {
    this.#place = place
    this.#exchange = exchange
  }

  write(): void {
    replace(this.#exchange)
  }

  /** ip_tables cannot check a table without writing it. `prepare` has verified this one. */
  rehearse(): void {}

  writeAsync(): Promise<void> {
    return replaceAsync(this.#exchange)
  }

  written(): Reading {
    return new LegacyReading(this.#place, writtenOf(this.#exchange.to))
  }
}
