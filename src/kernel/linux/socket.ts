/** A socket of this process: who has it, and when it is closed. */
import { ERRNO } from '../../abi/errno'
import { SockoptFailure } from '../kernel'
import * as libc from './libc'

/** Those that nobody has any more. */
const forgotten = new FinalizationRegistry<number>((fd) => libc.close(fd))

export class Socket {
  readonly #fd: number
  #closed = false
  /** Calls under way on other threads. The socket stays open for them: its number might get another meaning. */
  #underWay = 0

  constructor(fd: number) {
    this.#fd = fd
    forgotten.register(this, fd, this)
  }

  /** @throws SockoptFailure where it is closed */
  get fd(): number {
    if (this.#closed) throw new SockoptFailure(ERRNO.EBADF)
    return this.#fd
  }

  /** Uses it on another thread. @throws SockoptFailure where it is closed */
  async later(work: (fd: number) => Promise<void>): Promise<void> {
    const { fd } = this
    this.#underWay++
    try {
      await work(fd)
    } finally {
      if (--this.#underWay === 0 && this.#closed) this.#release()
    }
  }

  /** A second time does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#underWay === 0) this.#release()
  }

  #release(): void {
    forgotten.unregister(this)
    libc.close(this.#fd)
  }
}
