/** Keeps the chains that begin with a prefix as the policy says, in both families. */
import { type BackendName, easy, type Plan, reconcileAsync } from 'xtables'
import { EMPTY, FAMILIES, type Family, type Policy, readPolicy } from './policy.js'

export interface KeeperOptions {
  readonly file: string
  readonly prefix: string
  readonly backend: BackendName
}

export class Keeper {
  readonly #options: KeeperOptions
  /** The newest policy, as long as the kernel has not taken it. */
  #next: Policy | undefined
  /** The last one that the kernel has taken. */
  #good: Policy | undefined
  #faultOfFile: string | undefined
  #faultOfPolicy: string | undefined
  readonly counts = { changes: 0, failures: 0 }

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** What keeps the newest policy from being in force. */
  get fault(): string | undefined {
    return this.#faultOfFile ?? this.#faultOfPolicy
  }

  /** The one that is in force. */
  get policy(): Policy {
    return this.#good ?? EMPTY
  }

  /** Reads the file. One that is no policy changes nothing. */
  async reload(): Promise<void> {
    this.#next = undefined
    this.#faultOfFile = undefined
    try {
      this.#next = await readPolicy(this.#options.file)
    } catch (error) {
      this.#faultOfFile = this.#failed(error)
    }
  }

  /**
   * Puts the newest policy in force; as long as the kernel refuses that, the last good one.
   * @returns what was done, a line for each chain
   */
  async keep(signal: AbortSignal): Promise<readonly string[]> {
    this.#faultOfPolicy = undefined
    for (const policy of [this.#next, this.#good])
      try {
        if (policy === undefined) continue
        const done = await this.#apply(policy, signal)
        this.#good = policy
        if (policy === this.#next) this.#next = undefined
        return done
      } catch (error) {
        this.#faultOfPolicy ??= this.#failed(error)
      }
    return []
  }

  #failed(error: unknown): string {
    this.counts.failures++
    return (error as Error).message
  }

  /** Takes all chains of the prefix away. */
  remove(): Promise<readonly string[]> {
    return this.#apply(EMPTY)
  }

  async #apply(policy: Policy, signal?: AbortSignal): Promise<readonly string[]> {
    const plans: Plan[] = []
    // Both families are planned before the first rule is written: a fault in either leaves the kernel as it was.
    for (const family of FAMILIES) plans.push(await this.#plan(family, policy, signal))
    for (const plan of plans) await plan.applyAsync({ signal })
    const done = plans.flatMap(linesOf)
    this.counts.changes += done.length
    return done
  }

  async #plan(family: Family, policy: Policy, signal: AbortSignal | undefined): Promise<Plan> {
    const { backend, prefix } = this.#options
    const place = { backend, ipv6: family === 'ipv6' }
    // Tables that the policy does not name any more may still have chains of ours.
    const existing = Object.fromEntries(easy.getTables(place).map((table) => [table, {}]))
    try {
      return await reconcileAsync({ ...existing, ...policy[family] }, { ...place, owns: { prefix }, signal })
    } catch (cause) {
      throw new Error(`${family}: ${(cause as Error).message}`, { cause })
    }
  }
}

const linesOf = ({ family, tables }: Plan): string[] =>
  tables.flatMap(({ table, chains }) =>
    chains.map(({ chain, change, added, deleted, moved, replaced }) => {
      const counts = Object.entries({ added, deleted, moved, replaced }).filter(([, rules]) => rules.length > 0)
      return `${change} ${family} ${table} ${chain}: ${counts.map(([what, { length }]) => `${length} ${what}`).join(', ')}`
    }),
  )
