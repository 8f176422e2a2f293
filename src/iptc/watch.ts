/** A table while others change it: what they do, as the kernel tells it. */
import { ERRNO } from '../abi/errno'
import { NETLINK_NETFILTER } from '../abi/netlink'
import { NFNLGRP } from '../abi/nfnetlink'
import { NftClient } from '../backend/nft/client'
import { Mirror, type TableChange } from '../backend/nft/mirror'
import { withNetlink } from '../backend/open'
import type { BackendName } from '../backend/store'
import { KernelError, UnsupportedError } from '../errors'
import type { Context } from '../extensions/context'
import { instance } from '../input'
import type { Kernel } from '../kernel/kernel'
import type { Encoded } from '../netlink/attribute'
import type { Message } from '../netlink/message'
import { begun, subscribe } from '../netlink/subscribe'
import { batchesOf } from '../nft/notices'
import { readRule } from '../nft/rule'
import { checkOptions } from '../options'
import { inSlices, turns } from '../slices'
import { type AnyRule, storedRule } from './rule'

export interface WatchOptions {
  /** Ends the iteration, also while it waits. */
  readonly signal?: AbortSignal | undefined
}

/** More was changed than there was room for, and what it was is not known: whoever keeps a copy has to read the table. */
export interface ResyncEvent {
  readonly kind: 'resync'
  /** What is changed after this generation is told again. */
  readonly generation: number
}

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
      `table ${watched.table} is one of ip_tables, of whose changes the kernel tells nobody; a table of the backend nft ` +
        'can be watched',
    )
  return begun(events(new Watching(watched, options), watched, options))
}

/** How many parts of a dump, of dozens of rules each, are read before the event loop has its turn. */
const READ_AT_ONCE = 32

/** The messages of the kernel, and what was known of the table when they began. */
class Watching implements AsyncDisposable {
  readonly #client: NftClient
  readonly notices: AsyncGenerator<Message, void, void>
  readonly mirror: Mirror<AnyRule>
  /** Fulfilled when the rules have been read; of a table that is not long, they have been when this is made. */
  readonly ready: Promise<void>

  constructor({ kernel, context, table }: Watched, { signal }: WatchOptions) {
    const port = withNetlink(kernel)
    this.#client = new NftClient(port, context.family)
    // Asked first, it says of a kernel without nf_tables, or of too few rights, what the group does not.
    this.#client.generation()
    this.notices = subscribe(port, NETLINK_NETFILTER, [NFNLGRP.NFTABLES], { signal })
    try {
      this.mirror = new Mirror(this.#client, context.family, table, (expressions) => ruleOf(context, expressions))
      const reading = this.mirror.readRules()
      for (let part = 0; part < READ_AT_ONCE && !reading.next().done; part++);
      this.ready = inSlices(reading)
    } catch (error) {
      void this[Symbol.asyncDispose]()
      throw error
    }
    // Whoever looks is told; that nobody looks is no failure.
    this.ready.catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
  options: WatchOptions,
): AsyncGenerator<TableEvent | undefined, void, void> {
  const turn = turns()
  for (let watching = first; ; watching = new Watching(watched, options)) {
    await using _ = watching
    if (watching === first) yield undefined
    else yield { kind: 'resync', generation: watching.mirror.generation }
    try {
      await watching.ready
      for await (const batch of batchesOf(watching.notices))
        for (const change of watching.mirror.changes(batch)) {
          await turn()
          if (change !== undefined) yield change
        }
      return
    } catch (error) {
      if (!isLost(error)) throw error
    }
  }
}
