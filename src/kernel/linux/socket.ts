/** A socket that is closed only when no call uses it. */
import { ERRNO } from '../../abi/errno'
import { SockoptFailure } from '../kernel'
import * as libc from './libc'

/** Closes sockets that were garbage-collected before they were closed. */
const forgotten = new FinalizationRegistry<number>((fd) => libc.close(fd))

export class Socket {
  readonly #fd: number
  #closed = false
  /** Calls in progress on other threads. The socket stays open until they end, because its number could be reused. */
  #underWay = 0

  constructor(fd: number) {
    this.#fd = fd
    forgotten.register(this, fd, this)
  }

  /** @throws SockoptFailure if the socket is closed */
  get fd(): number {
    if (this.#closed) throw new SockoptFailure(ERRNO.EBADF)
    return this.#fd
  }

  /** Uses the socket on another thread. @throws SockoptFailure if the socket is closed */
  async later(work: (fd: number) => Promise<void>): Promise<void> {
    const { fd } = this
    this.#underWay++
    try {
      await work(fd)
    } finally {
      if (--this.#underWay === 0 && this.#closed) this.#release()
    }
  }

  /** Calling it again does nothing. */
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
