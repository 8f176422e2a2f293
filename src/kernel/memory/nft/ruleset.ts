/** The tables, chains and rules of the in-process kernel, and how changes to them are rolled back. */
import type { Family } from '../../../abi/family'
import type { Expression } from '../../../nft/expressions'

/** An expression of a rule. */
export interface KeptExpression {
  /** As it is reported when the rule is read. */
  readonly told: Expression
  /** The chain that it jumps to. A reference, because the chain may be renamed. */
  readonly jump?: NftChain
  /** Checks whether it may be reached from a base chain. Returns the errno of the refusal. */
  readonly check?: (base: BaseHook) => number | undefined
  /** The indexes of the sets that it refers to. */
  readonly sets?: readonly number[]
}

export interface NftRule {
  readonly handle: bigint
  readonly expressions: readonly KeptExpression[]
  readonly userdata: Uint8Array | undefined
  /** Whether it has been deleted in the current batch. */
  isGone: boolean
}

/** The hook of a base chain. */
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
  /** Its name after the current batch. */
  nextName: string | undefined
  readonly hook: BaseHook | undefined
  policy: number
  counters: ChainCounters | undefined
  readonly userdata: Uint8Array | undefined
  readonly rules: NftRule[]
  /** Number of its rules plus number of jumps to it. */
  use: number
}

export interface NftTable {
  readonly family: Family
  readonly name: string
  readonly handle: bigint
  flags: number
  /** Whether the current batch changes its flags. */
  isChanging: boolean
  readonly userdata: Uint8Array | undefined
  /** In order of creation. */
  readonly chains: NftChain[]
  /** The handle of the chain or rule that was created last. */
  lastHandle: bigint
}

/** All tables of the kernel. */
export class NftTables {
  readonly tables: NftTable[] = []
  lastHandle = 0n
  /** Incremented by every batch that changes anything. */
  generation = 1
}

/** The indexes of the sets that rules refer to, one for each reference. */
export function* setsIn({ tables }: NftTables): Generator<number> {
  for (const { chains } of tables)
    for (const { rules } of chains)
      for (const { expressions } of rules) for (const { sets } of expressions) if (sets !== undefined) yield* sets
}

/** Records changes, so that they can be rolled back. */
export class Journal {
  readonly #undo: (() => void)[] = []

  /** Makes a change, and records how to undo it. */
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
