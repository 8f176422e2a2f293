/** The errno values that these interfaces return. asm-generic/errno-base.h, asm-generic/errno.h */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EMFILE: 24,
  ENFILE: 23,
  EMLINK: 31,
  EDOM: 33,
  ERANGE: 34,
  ENOLCK: 37,
  ENOSYS: 38,
  ELOOP: 40,
  ENOTEMPTY: 39,
  ENODATA: 61,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  ERESTART: 85,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENOBUFS: 105,
} as const
export type ErrnoName = keyof typeof ERRNO

/** `EINVAL` for 22; `errno 999` for a number that is not in the list. */
export const errnoName = (errno: number): string =>
  (Object.keys(ERRNO) as ErrnoName[]).find((name) => ERRNO[name] === errno) ?? `errno ${errno}`
