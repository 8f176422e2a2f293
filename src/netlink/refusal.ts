/** The kernel's answers without data: acknowledgements and errors. */
import { ERRNO, errnoName } from '../abi/errno'
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSGERR_ATTR_MISS_NEST,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  nlAlign,
  nlmsgerr,
  nlmsghdr,
} from '../abi/netlink'
import { s32, u32 } from '../binary/codec'
import { MessageError, NetlinkError, PermissionError } from '../errors'
import { attribute, attributes, fixed, nulString } from './attribute'
import type { Message, Request } from './message'

/** enum nlmsgerr_attrs */
export const extended = attributes({
  text: attribute(NLMSGERR_ATTR_MSG, nulString),
  offset: attribute(NLMSGERR_ATTR_OFFS, fixed(u32)),
  missingType: attribute(NLMSGERR_ATTR_MISS_TYPE, fixed(u32)),
  missingNest: attribute(NLMSGERR_ATTR_MISS_NEST, fixed(u32)),
})

/** The kernel refused a request. The caller, which knows what was requested, turns it into an error for users. */
export class Refusal extends Error {
  readonly request: Request
  readonly errno: number
  /** The kernel's own message. */
  readonly reason: string | undefined
  /** The attribute that is invalid or missing, as in `data.timeout`. */
  readonly attribute: string | undefined
  /** The request as the kernel returns it, possibly modified; absent if the kernel does not return it. */
  readonly echo: Message | undefined

  constructor(request: Request, errno: number, details: Extended = {}, echo?: Message) {
    super(`${request.name}: ${errnoName(errno)}`)
    this.request = request
    this.errno = errno
    this.reason = details.text
    this.attribute = attributeOf(request, details)
    this.echo = echo
  }
}

type Extended = { text?: string | undefined; offset?: number | undefined } & {
  missingType?: number | undefined
  missingNest?: number | undefined
}

function attributeOf(request: Request, { offset, missingType, missingNest }: Extended): string | undefined {
  if (missingType !== undefined) return request.nameOf(missingNest, missingType)
  return offset === undefined ? undefined : request.nameAt(offset)
}

/** The refusal in an NLMSG_ERROR, or undefined for an acknowledgement. @throws MessageError */
export function refusalOf(request: Request, message: Message): Refusal | undefined {
  const { bytes, at, end, flags } = message
  if (end - at < nlmsgerr.size) throw new MessageError(at, `${end - at} bytes are too few for NLMSG_ERROR`)
  const { error, msgLen } = nlmsgerr.read(bytes, at)
  if (error === 0) return undefined
  const whole = (flags & NLM_F_CAPPED) === 0
  const head = at + s32.size
  const echoEnd = head + (whole ? Math.max(nlmsghdr.size, msgLen) : nlmsghdr.size)
  if (echoEnd > end)
    throw new MessageError(head, `a refused message of ${msgLen} bytes, but only ${end - head} are left`)
  const details = flags & NLM_F_ACK_TLVS ? extended.read(bytes, nlAlign(echoEnd - at) + at, end) : {}
  return new Refusal(request, -error, details, whole ? echoOf(message, head, echoEnd) : undefined)
}

/** The refused message, as if it had been received by itself. */
function echoOf({ bytes }: Message, head: number, end: number): Message {
  const { nlmsgType, nlmsgFlags, nlmsgSeq, nlmsgPid } = nlmsghdr.read(bytes, head)
  const place = { bytes, at: head + nlmsghdr.size, end }
  return { type: nlmsgType, flags: nlmsgFlags, sequence: nlmsgSeq, portId: nlmsgPid, ...place }
}

/** The refusal in the NLMSG_DONE that ends a dump, if any. @throws MessageError */
export function refusalAtEnd(request: Request, { bytes, at, end, flags }: Message): Refusal | undefined {
  // Some kernels send no errno when a dump succeeds.
  if (at === end) return undefined
  if (end - at < s32.size) throw new MessageError(at, `${end - at} bytes are too few for NLMSG_DONE`)
  const error = s32.read(bytes, at)
  if (error >= 0) return undefined
  const details = flags & NLM_F_ACK_TLVS ? extended.read(bytes, at + s32.size, end) : {}
  return new Refusal(request, -error, details)
}

/** A refusal as an error for users, if no caller has a better explanation. */
export function explain(refusal: Refusal): NetlinkError | PermissionError {
  const { request, errno, reason, attribute: name } = refusal
  if (errno === ERRNO.EPERM || errno === ERRNO.EACCES)
    return new PermissionError(
      'XT_NOT_PERMITTED',
      `${request.name}: needs CAP_NET_ADMIN in the user namespace that owns the network namespace: run as root, or ` +
        'under `unshare -rn` in a network namespace of your own',
      { cause: refusal },
    )
  return new NetlinkError(request.name, errno, errnoName(errno), { reason, attribute: name, cause: refusal })
}
