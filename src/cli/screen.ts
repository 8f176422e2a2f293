/** Full-screen output on a terminal, whose previous content is restored at the end. */
import type { ReadStream } from 'node:tty'

/** Alternate screen, no cursor, no line wrapping; and the reverse. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const [HOME, END_OF_LINE, END_OF_PAGE] = ['\x1b[H', '\x1b[K', '\x1b[J']

/** Signals that would end the process without restoring the terminal. SIGINT and SIGTERM are handled in main.ts. */
const SIGNALS = ['SIGHUP', 'SIGQUIT'] as const

const INTERRUPT = '\x03'

/** The parts of the terminal's streams that are used here. */
export interface Terminal {
  readonly stdin: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'pause' | 'resume'>
  readonly stdout: { readonly columns?: number; readonly rows?: number }
}

export class Screen implements Disposable {
  readonly #terminal: Terminal
  readonly #write: (text: string) => void
  readonly #end: () => void
  #isOpen = false

  /** @param end is called when the user quits, or on a signal */
  constructor(terminal: Terminal, write: (text: string) => void, end: () => void) {
    this.#terminal = terminal
    this.#write = write
    this.#end = end
    // Restores the terminal even if an unexpected error ends the process.
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

  /** The height of the terminal. One that does not know its size reports 0. */
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
