/** Keeps the chains that begin with a prefix as the policy describes them, in both families. */
import { isDeepStrictEqual } from 'node:util'
import { type BackendName, easy, type Plan, reconcileAsync } from 'xtables'
import { FAMILIES, type Family, NOTHING, type Policy, readPolicy } from './policy.js'

export interface KeeperOptions {
  readonly file: string
  readonly prefix: string
  readonly backend: BackendName
}

export class Keeper {
  readonly #options: KeeperOptions
  readonly counts = { changes: 0, failures: 0 }
  /** The policy in force. It is the same object until another policy is in force. */
  policy: Policy | undefined
  /** Why the policy in the file is not in force. */
  fault: string | undefined

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /**
   * Brings the kernel to the policy in the file. If that is faulty, the last good policy stays in force.
   * @returns what was done, one line per chain
   */
  async keep(signal: AbortSignal): Promise<readonly string[]> {
    let fault: string | undefined
    let done: readonly string[] = []
    for (const candidate of [() => readPolicy(this.#options.file), () => this.policy])
      try {
        const policy = await candidate()
        if (policy === undefined) break
        done = await this.#apply(policy, signal)
        if (!isDeepStrictEqual(policy, this.policy)) this.policy = policy
        break
      } catch (error) {
        this.counts.failures++
        fault ??= (error as Error).message
      }
    this.fault = fault
    return done
  }

  /** Deletes all chains of the prefix, and the jumps to them. */
  remove(): Promise<readonly string[]> {
    return this.#apply(NOTHING)
  }

  async #apply(policy: Policy, signal?: AbortSignal): Promise<readonly string[]> {
    const plans: Plan[] = []
    // Both families are planned before the first rule is written: a fault in either leaves the kernel unchanged.
    for (const family of FAMILIES) plans.push(await this.#plan(family, policy, signal))
    for (const plan of plans) await plan.applyAsync({ signal })
    const done = plans.flatMap(linesOf)
    this.counts.changes += done.length
    return done
  }

  async #plan(family: Family, policy: Policy, signal: AbortSignal | undefined): Promise<Plan> {
    const { backend, prefix } = this.#options
    const place = { backend, ipv6: family === 'ipv6' }
    // Tables that the policy no longer names may still have chains of the prefix.
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
      const details = counts.map(([what, { length }]) => `${length} ${what}`).join(', ') || 'no rules'
      return `${change} ${family} ${table} ${chain}: ${details}`
    }),
  )
