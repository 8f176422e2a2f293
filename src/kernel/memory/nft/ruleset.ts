/** The tables, chains and rules of the in-process kernel, and how changes to them are rolled back. */
import type { Family } from '../../../abi/family'
import type { Expression } from '../../../nft/expressions'

/** An expression of a rule. */
export interface KeptExpression {
  /** As it is told to who reads. */
  readonly told: Expression
  /** Where the rule goes: its name may change. */
  readonly jump?: NftChain
  /** Whether it may stand where packets come to from a hook; else the errno of the refusal. */
  readonly check?: (base: BaseHook) => number | undefined
  /** The index of the set that it names. */
  readonly sets?: readonly number[]
}

export interface NftRule {
  readonly handle: bigint
  readonly expressions: readonly KeptExpression[]
  readonly userdata: Uint8Array | undefined
  /** Whether it goes when the batch is over. */
  isGone: boolean
}

/** How a chain is hooked. */
export interface BaseHook {
  readonly number: number
  readonly priority: number
  readonly type: string
}

export interface ChainCounters {
  readonly packets: bigint
  readonly bytes: bigint
}

export interface NftChain {
  readonly table: NftTable
  readonly handle: bigint
  name: string
  /** What it is called once the batch is over. */
  nextName: string | undefined
  readonly hook: BaseHook | undefined
  policy: number
  counters: ChainCounters | undefined
  readonly userdata: Uint8Array | undefined
  readonly rules: NftRule[]
  /** How many rules it has, and how many expressions go to it. */
  use: number
}

export interface NftTable {
  readonly family: Family
  readonly name: string
  readonly handle: bigint
  flags: number
  /** Whether its flags become others when the batch is over. */
  isChanging: boolean
  readonly userdata: Uint8Array | undefined
  /** In the order in which they were made. */
  readonly chains: NftChain[]
  /** That of the chain or rule that was made last. */
  lastHandle: bigint
}

/** All tables of the kernel. */
export class NftTables {
  readonly tables: NftTable[] = []
  lastHandle = 0n
  /** Counts the changes. */
  generation = 1
}

/** The index of a set for every time that a rule names it. */
export function* setsIn({ tables }: NftTables): Generator<number> {
  for (const { chains } of tables)
    for (const { rules } of chains)
      for (const { expressions } of rules) for (const { sets } of expressions) if (sets !== undefined) yield* sets
}

/** What has been done, to be taken back should it come to nothing. */
export class Journal {
  readonly #undo: (() => void)[] = []

  /** Does something, and notes how it is taken back. */
  act(work: () => void, undo: () => void): void {
    work()
    this.#undo.push(undo)
  }

  insert<T>(list: T[], at: number, value: T): void {
    this.act(
      () => list.splice(at, 0, value),
      () => list.splice(list.indexOf(value), 1),
    )
  }

  remove<T>(list: T[], value: T): void {
    const at = list.indexOf(value)
    this.act(
      () => list.splice(at, 1),
      () => list.splice(at, 0, value),
    )
  }

  set<T extends object, K extends keyof T>(object: T, key: K, value: T[K]): void {
    const before = object[key]
    this.act(
      () => {
        object[key] = value
      },
      () => {
        object[key] = before
      },
    )
  }

  rollBack(): void {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) undo()
  }
}
