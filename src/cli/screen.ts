/** The whole terminal, to be drawn anew again and again, and as it was when that is over. */
import type { ReadStream } from 'node:tty'

/** Its own page, so that what stood there comes back; no cursor; and lines that are cut off rather than broken. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const [HOME, END_OF_LINE, END_OF_PAGE] = ['\x1b[H', '\x1b[K', '\x1b[J']

/** With SIGINT and SIGTERM, for which the command listens, those that would leave the terminal as it is. */
const SIGNALS = ['SIGHUP', 'SIGQUIT'] as const

const INTERRUPT = '\x03'

/** What the process is connected to. */
export interface Terminal {
  readonly stdin: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'pause' | 'resume'>
  readonly stdout: { readonly columns?: number; readonly rows?: number }
}

export class Screen implements Disposable {
  readonly #terminal: Terminal
  readonly #write: (text: string) => void
  readonly #end: () => void
  #isOpen = false

  /** @param end is called when somebody wants it to be over */
  constructor(terminal: Terminal, write: (text: string) => void, end: () => void) {
    this.#terminal = terminal
    this.#write = write
    this.#end = end
    // Also where an error that nobody expected ends the process.
    process.once('exit', this.#leave)
    for (const signal of SIGNALS) process.once(signal, end)
    this.#isOpen = true
    write(ENTER)
    const { stdin } = terminal
    if (!stdin.isTTY) return
    stdin.setRawMode(true)
    stdin.on('data', this.#onKeys)
    stdin.resume()
  }

  readonly #onKeys = (keys: Buffer | string): void => {
    if ([...String(keys)].some((key) => key === 'q' || key === 'Q' || key === INTERRUPT)) this.#end()
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#write(LEAVE)
  }

  /** How many lines there is room for. A terminal that does not know its size says 0. */
  get rows(): number {
    return this.#terminal.stdout.rows || 24
  }

  /** Lines beyond the last row are not shown. */
  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.rows).map((line) => `${line}${END_OF_LINE}`)
    this.#write(`${HOME}${shown.join('\r\n')}${END_OF_PAGE}`)
  }

  [Symbol.dispose](): void {
    const { stdin } = this.#terminal
    this.#leave()
    process.off('exit', this.#leave)
    for (const signal of SIGNALS) process.off(signal, this.#end)
    if (!stdin.isTTY) return
    stdin.off('data', this.#onKeys)
    stdin.setRawMode(false)
    stdin.pause()
  }
}
