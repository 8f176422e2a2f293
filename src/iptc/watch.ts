/** Watching a table: changes as the kernel notifies them. */
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
 * The options of {@link TableHandle.watch}.
 * @since 0.1.0
 */
export interface WatchOptions {
  /** Ends the iteration, even while it waits. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Notifications were lost because the socket's buffer was full. If you keep a copy of the table, read it again.
 * @since 0.1.0
 */
export interface ResyncEvent {
  /** Distinguishes it from a {@link TableChange}. */
  readonly kind: 'resync'
  /** Changes after this generation are reported again. */
  readonly generation: number
}

/**
 * An event of {@link TableHandle.watch}: a change, or the loss of some.
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
      `table ${watched.table} is an ip_tables table, and the kernel sends no notifications for these; only a table of the ` +
        'backend nft can be watched',
    )
  const end = endOf(options.signal)
  return endedBy(end, begun(events(new Watching(watched, end), watched, end)))
}

/** A controller that is aborted with the signal, or earlier by the watcher. */
function endOf(signal: AbortSignal | undefined): AbortController {
  const end = new AbortController()
  if (signal?.aborted) end.abort()
  signal?.addEventListener('abort', () => end.abort(), { signal: end.signal })
  return end
}

/** A generator that waits for its next value sees `return` only after that value; this one ends at once. */
function endedBy<T>(end: AbortController, generator: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
  const finish = generator.return.bind(generator)
  return Object.assign(generator, {
    return(value: void | PromiseLike<void>) {
      end.abort()
      return finish(value)
    },
  })
}

/** Number of dump parts, of dozens of rules each, that are read before the event loop gets a turn. */
const READ_AT_ONCE = 32
/** Delay before the rules are read again after a concurrent change. */
const [FIRST_REST_MS, MAX_REST_MS] = [10, 1000]

/** The kernel's notifications, and the state of the table when they started. */
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
    // Asked first: it fails if the kernel lacks nf_tables or the process lacks rights. Joining the group does not.
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

  /** Starts reading the order of the rules if it is unknown. */
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
   * Reads the order of the rules. For a short table, it is done when this returns. Changes made meanwhile are reported
   * without their position.
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
