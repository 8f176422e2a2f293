/** Reads tables repeatedly while anyone watches: one reading for all watchers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { toJson } from '../json'
import { rates } from '../view/rates'
import { nameOf } from '../view/rule-name'
import type { TableSnapshot } from '../view/snapshot'
import type { CountedPolicy, CountedRule, LiveNews } from './api'

export interface LiveOptions {
  readonly read: () => Promise<TableSnapshot[]>
  readonly delayMs: number
  /** Handles an error. @returns the message for the page */
  readonly failed: (error: unknown) => string
}

/** Receives an event as JSON. */
export type Listener = (json: string) => void

export class LiveTables {
  readonly #options: LiveOptions
  readonly #listeners = new Set<Listener>()
  #tables: TableSnapshot[] | undefined
  #isReading = false

  constructor(options: LiveOptions) {
    this.#options = options
  }

  listen(listener: Listener): Disposable {
    this.#listeners.add(listener)
    if (this.#tables !== undefined) listener(newsOf({ kind: 'tables', tables: this.#tables }))
    if (!this.#isReading) void this.#readOn()
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  async #readOn(): Promise<void> {
    this.#isReading = true
    while (this.#listeners.size > 0) {
      await this.#readOnce()
      await sleep(this.#options.delayMs)
    }
    this.#isReading = false
    // The next listener must not get outdated tables.
    this.#tables = undefined
  }

  async #readOnce(): Promise<void> {
    try {
      const [before, after] = [this.#tables, await this.#options.read()]
      this.#tables = after
      if (before === undefined || !isSameShape(before, after)) this.#tell({ kind: 'tables', tables: after })
      if (before !== undefined) this.#tell(countersOf(before, after))
    } catch (error) {
      this.#tell({ kind: 'failed', error: this.#options.failed(error) })
    }
  }

  #tell(news: LiveNews): void {
    const json = newsOf(news)
    for (const listener of this.#listeners) listener(json)
  }
}

const newsOf = (news: LiveNews): string => toJson(news, 0)

/** Whether the tables are the same except for counters. */
function isSameShape(before: readonly TableSnapshot[], after: readonly TableSnapshot[]): boolean {
  return isSame(before, after, (old, now) => {
    const { family, table, backend, handle, incompatible } = old
    // A table that was created again has another handle, and its rules reuse the old handles.
    const isPlace = family === now.family && table === now.table && backend === now.backend && handle === now.handle
    return isPlace && isSame(incompatible, now.incompatible, Object.is) && isSame(old.chains, now.chains, isSameChain)
  })
}

const isSame = <T>(before: readonly T[], after: readonly T[], compare: (old: T, now: T) => boolean): boolean =>
  before.length === after.length && before.every((old, i) => compare(old, after[i] as T))

const isSameChain = (old: TableSnapshot['chains'][number], now: typeof old): boolean =>
  old.name === now.name &&
  old.policy === now.policy &&
  isSame(old.rules, now.rules, (one, other) => nameOf(one) === nameOf(other))

function countersOf(before: readonly TableSnapshot[], after: readonly TableSnapshot[]): LiveNews {
  const keyOf = (family: string, table: string, chain: string, position: number): string =>
    `${family} ${table} ${position} ${chain}`
  const counted = new Map(
    rates(before, after)
      .filter(({ packets, bytes, isRestarted }) => packets > 0n || bytes > 0n || isRestarted)
      .map((one) => [keyOf(one.family, one.table, one.chain, one.position), one]),
  )
  const policies: CountedPolicy[] = []
  const rules: CountedRule[] = []
  for (const [table, { family, table: name, chains }] of after.entries())
    for (const [chain, { name: chainName, counters, rules: all }] of chains.entries()) {
      if (counters !== undefined) policies.push({ table, chain, counters })
      for (const { position, counters } of all) {
        const rate = counted.get(keyOf(family, name, chainName, position))
        if (rate === undefined) continue
        const { packetsPerSecond, bytesPerSecond } = rate
        rules.push({ table, chain, rule: position - 1, counters, packetsPerSecond, bytesPerSecond })
      }
    }
  return { kind: 'counters', policies, rules }
}
