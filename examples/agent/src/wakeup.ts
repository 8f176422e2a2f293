/** Wakes the agent before its next check is due. */
import { setTimeout as sleep } from 'node:timers/promises'

export class Wakeup {
  readonly #end = new AbortController()
  #wake = new AbortController()
  #cause: string | undefined

  /** Aborted when the agent must end. */
  get ended(): AbortSignal {
    return this.#end.signal
  }

  end(): void {
    this.#end.abort()
    this.now('the end')
  }

  now(cause: string): void {
    this.#cause ??= cause
    this.#wake.abort()
  }

  /**
   * Waits until the agent is woken, or for `pollMs`. Once woken, it waits for `pauseMs` more: what follows in this time is
   * part of the same event.
   * @returns why it was woken; undefined after `pollMs`
   */
  async next(pollMs: number, pauseMs: number): Promise<string | undefined> {
    await sleep(pollMs, undefined, { signal: this.#wake.signal }).catch(() => {})
    if (this.#cause !== undefined) await sleep(pauseMs, undefined, { signal: this.ended }).catch(() => {})
    const cause = this.#cause
    this.#cause = undefined
    this.#wake = new AbortController()
    return cause
  }
}
