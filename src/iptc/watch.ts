/** A table while others change it: what they do, as the kernel tells it. */
import { ERRNO } from '../abi/errno'
import { NETLINK_NETFILTER } from '../abi/netlink'
import { NFNLGRP } from '../abi/nfnetlink'
import { NftClient } from '../backend/nft/client'
import { type TableChange, WatchedTable } from '../backend/nft/watched-table'
import { withNetlink } from '../backend/open'
import type { BackendName } from '../backend/store'
import { instance } from '../check-input'
import { checkOptions } from '../check-options'
import { ConflictError, KernelError, UnsupportedError } from '../errors'
import type { Context } from '../extensions/context'
import type { Kernel } from '../kernel/kernel'
import type { Encoded } from '../netlink/attribute'
import type { Message } from '../netlink/message'
import { begun, rest, subscribe } from '../netlink/subscribe'
import { batchesOf } from '../nft/notices'
import { readRule } from '../nft/rule'
import { inSlices, type Sliced, turns } from '../time-slices'
import { type AnyRule, storedRule } from './rule'

/**
 * What {@link TableHandle.watch} takes.
 * @since 0.1.0
 */
export interface WatchOptions {
  /** Ends the iteration, also while it waits. */
  readonly signal?: AbortSignal | undefined
}

/**
 * More was changed than there was room for, and what it was is not known: whoever keeps a copy has to read the table.
 * @since 0.1.0
 */
export interface ResyncEvent {
  /** Tells it from a {@link TableChange}. */
  readonly kind: 'resync'
  /** What is changed after this generation is told again. */
  readonly generation: number
}

/**
 * What {@link TableHandle.watch} tells: a change, or that some were lost.
 * @typeParam R - {@link Rule} or {@link Rule6}
 * @since 0.1.0
 */
export type TableEvent<R extends AnyRule = AnyRule> = TableChange<R> | ResyncEvent

const OPTIONS = { signal: instance(AbortSignal, 'an AbortSignal') }

interface Watched {
  readonly kernel: Kernel
  readonly context: Context
  readonly table: string
  readonly backend: BackendName
}

/** As {@link AnyTable.watch}. */
export function watchTable(watched: Watched, options: WatchOptions): AsyncGenerator<TableEvent, void, void> {
  checkOptions(options, OPTIONS)
  if (watched.backend !== 'nft')
    throw new UnsupportedError(
      'XT_NOT_WATCHABLE',
      `table ${watched.table} is one of ip_tables, of whose changes the kernel tells nobody; a table of the backend nft ` +
        'can be watched',
    )
  const end = endOf(options.signal)
  return endedBy(end, begun(events(new Watching(watched, end), watched, end)))
}

/** Ends with the signal, or before it. */
function endOf(signal: AbortSignal | undefined): AbortController {
  const end = new AbortController()
  if (signal?.aborted) end.abort()
  signal?.addEventListener('abort', () => end.abort(), { signal: end.signal })
  return end
}

/** By itself, a generator that waits for its next value hears of `return` when that is there. */
function endedBy<T>(end: AbortController, generator: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
  const finish = generator.return.bind(generator)
  return Object.assign(generator, {
    return(value: void | PromiseLike<void>) {
      end.abort()
      return finish(value)
    },
  })
}

/** How many parts of a dump, of dozens of rules each, are read before the event loop has its turn. */
const READ_AT_ONCE = 32
/** How long to rest before the rules are read again where something was changed meanwhile. */
const [FIRST_REST_MS, MAX_REST_MS] = [10, 1000]

/** The messages of the kernel, and what was known of the table when they began. */
class Watching implements AsyncDisposable {
  readonly #client: NftClient
  readonly #end: AbortController
  #reading: Promise<void> | undefined
  readonly notices: AsyncGenerator<Message, void, void>
  readonly mirror: WatchedTable<AnyRule>
  #isOver = false
  /** Why the rules could not be read. */
  failure: unknown

  constructor({ kernel, context, table }: Watched, end: AbortController) {
    const port = withNetlink(kernel)
    this.#end = end
    this.#client = new NftClient(port, context.family)
    // Asked first, it says of a kernel without nf_tables, or of too few rights, what the group does not.
    this.#client.generation()
    this.notices = subscribe(port, NETLINK_NETFILTER, [NFNLGRP.NFTABLES], { signal: end.signal })
    try {
      this.mirror = new WatchedTable(this.#client, context.family, table, (expressions) => ruleOf(context, expressions))
    } catch (error) {
      this.#client.close()
      void this.notices.return()
      throw error
    }
    this.readOrder()
  }

  /** Begins to read the order of the rules where it is not known. */
  readOrder(): void {
    if (this.mirror.isOrderKnown || this.#reading !== undefined) return
    const reading = this.#read()
      .catch((error: unknown) => {
        this.failure = error
        this.#end.abort()
      })
      .finally(() => {
        this.#reading = undefined
      })
    this.#reading = reading
  }

  /**
   * Reads the order of the rules; that of a table which is not long before it returns. What changes meanwhile is told without
   * its place.
   */
  async #read(): Promise<void> {
    let now = READ_AT_ONCE
    for (let restMs = FIRST_REST_MS; !this.#isOver; restMs = Math.min(2 * restMs, MAX_REST_MS)) {
      const reading = this.#untilOver(this.mirror.readRules())
      try {
        while (now-- > 0 && !reading.next().done);
        return await inSlices(reading)
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
      }
      await rest(restMs, this.#end.signal)
    }
  }

  *#untilOver(reading: Sliced<void>): Sliced<void> {
    while (!this.#isOver && !reading.next().done) yield
    reading.return()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#reading
    this.#client.close()
    await this.notices.return()
  }
}

const ruleOf = (context: Context, expressions: Encoded): AnyRule =>
  storedRule(context.family, { entry: { ...readRule(context.family, expressions), isCopy: true }, sets: context.sets })

const isLost = (error: unknown): boolean => error instanceof KernelError && error.errno === ERRNO.ENOBUFS

async function* events(
  first: Watching,
  watched: Watched,
  end: AbortController,
): AsyncGenerator<TableEvent | undefined, void, void> {
  try {
    for (let watching = first; ; watching = new Watching(watched, end)) {
      await using _ = watching
      if (watching === first) yield undefined
      else yield { kind: 'resync', generation: watching.mirror.generation }
      try {
        return yield* changesIn(watching, end.signal)
      } catch (error) {
        if (!isLost(error)) throw error
      }
    }
  } finally {
    end.abort()
  }
}

async function* changesIn(watching: Watching, signal: AbortSignal): AsyncGenerator<TableEvent, void, void> {
  const turn = turns()
  for await (const batch of batchesOf(watching.notices)) {
    for (const change of watching.mirror.changes(batch)) {
      await turn()
      if (signal.aborted) break
      if (change !== undefined) yield change
    }
    watching.readOrder()
  }
  if (watching.failure !== undefined) throw watching.failure
}
