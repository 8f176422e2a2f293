/** Refuses a request about sets with an errno of Linux. */
export class SetFailure extends Error {
  readonly errno: number
  /** In words, for example that this kernel does not support what Linux would do. */
  readonly reason: string | undefined

  constructor(errno: number, reason?: string) {
    super(reason ?? `errno ${errno}`)
    this.errno = errno
    this.reason = reason
  }
}

/** An entry has attributes that entries of its set cannot have. */
export class ShapeFailure extends SetFailure {}

/** @throws SetFailure */
export function refuse(errno: number, reason?: string): never {
  throw new SetFailure(errno, reason)
}
