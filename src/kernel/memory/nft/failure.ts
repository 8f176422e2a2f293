/** Refuses a request to nf_tables with an errno of Linux. */
export class NftFailure extends Error {
  readonly errno: number
  /** In words, because Linux does not say why, or because Linux might accept what this kernel does not support. */
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
