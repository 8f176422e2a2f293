/** Refuses a request to nf_tables with an errno of Linux. */
export class NftFailure extends Error {
  readonly errno: number
  /** In words: what Linux only knows, or what it would do and this kernel cannot. */
  readonly reason: string | undefined

  constructor(errno: number, reason?: string) {
    super(reason ?? `errno ${errno}`)
    this.errno = errno
    this.reason = reason
  }
}

/** @throws NftFailure */
export function refuse(errno: number, reason?: string): never {
  throw new NftFailure(errno, reason)
}
