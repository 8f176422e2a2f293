/** What the agent waits for: its end, a new policy, somebody who disturbs it, or the time to look again. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Before a disturbance is mended. It doubles as long as there are more, so that two agents do not fight in a hot loop. */
const PAUSE_MS = { least: 200, most: 30_000 }

export class Alarm {
  readonly #end = new AbortController()
  #wake = new AbortController()
  #isStale = false
  #disturbance: string | undefined
  #pauseMs = PAUSE_MS.least

  /** Aborted when the agent is to end. */
  get ended(): AbortSignal {
    return this.#end.signal
  }

  end(): void {
    this.#end.abort()
    this.#wake.abort()
  }

  /** The policy may have changed. */
  reload(): void {
    this.#isStale = true
    this.#wake.abort()
  }

  /** Somebody has changed our tables. What comes before it is looked at is the same disturbance. */
  disturb(what: string): void {
    if (this.#disturbance !== undefined) return
    this.#disturbance = what
    this.#wake.abort()
  }

  /** @param wasMended whether there was something to mend when it was last looked */
  async next(pollMs: number, wasMended: boolean): Promise<{ isStale: boolean; disturbance: string | undefined }> {
    const { least, most } = PAUSE_MS
    this.#pauseMs = wasMended ? Math.min(2 * this.#pauseMs, most) : Math.max(this.#pauseMs / 2, least)
    if (this.#disturbance === undefined) await this.#rest(pollMs)
    if (this.#disturbance !== undefined) await this.#rest(this.#pauseMs)
    const woken = { isStale: this.#isStale, disturbance: this.#disturbance }
    this.#isStale = false
    this.#disturbance = undefined
    return woken
  }

  async #rest(ms: number): Promise<void> {
    if (this.#isStale || this.ended.aborted) return
    this.#wake = new AbortController()
    await sleep(ms, undefined, { signal: this.#wake.signal }).catch(() => {})
  }
}
