/** Performance goals, each from a given number of rules on. */
export interface Goal {
  readonly from: number
  /** Ours divided by another's time. */
  readonly ratio?: readonly [to: string, most: number]
  /** Another's time divided by ours. */
  readonly faster?: readonly [than: string, least: number]
  /** Milliseconds more than another takes, or in all where there is no other. */
  readonly extraMs?: readonly [to: string | undefined, most: number]
  /** Rules a second. */
  readonly rate?: number
}
