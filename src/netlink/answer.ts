/** Encodes the answers of a kernel, for kernels in memory. */
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  nlAlign,
  nlmsgerr,
  nlmsghdr,
} from '../abi/netlink'
import { s32, u32 } from '../binary/codec'
import { type Message, type MessageType, request } from './message'
import { extended } from './refusal'

/** The port ID of messages made here, as no socket of another program is involved. */
const PORT = 1

/** A message of kind `type` with `payload` after its header. */
function datagram(asked: Message, type: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(nlAlign(nlmsghdr.size + payload.length))
  const nlmsgLen = nlmsghdr.size + payload.length
  nlmsghdr.write(bytes, 0, { nlmsgLen, nlmsgType: type, nlmsgFlags: flags, nlmsgSeq: asked.sequence, nlmsgPid: PORT })
  bytes.set(payload, nlmsghdr.size)
  return bytes
}

/** @param flags NLM_F_MULTI for a part of a dump */
export const answer = <H, V>(asked: Message, kind: MessageType<H, V>, head: H, values: V, flags = 0): Uint8Array =>
  datagram(asked, kind.type, flags, request(kind, 0, head, values).bytes.subarray(nlmsghdr.size))

/** The request succeeded. */
export function acknowledgement(asked: Message): Uint8Array {
  const payload = new Uint8Array(nlmsgerr.size)
  payload.set(headAndMore(asked).subarray(0, nlmsghdr.size), s32.size)
  return datagram(asked, NLMSG_ERROR, NLM_F_CAPPED, payload)
}

/** The request failed: errno, the whole request, and optionally a reason as text. */
export function refusal(asked: Message, errno: number, text?: string): Uint8Array {
  const echo = headAndMore(asked)
  const end = nlAlign(s32.size + echo.length)
  const words = text === undefined ? {} : { text }
  const payload = new Uint8Array(end + extended.size(words))
  s32.write(payload, 0, -errno)
  payload.set(echo, s32.size)
  extended.write(payload, end, words)
  return datagram(asked, NLMSG_ERROR, text === undefined ? 0 : NLM_F_ACK_TLVS, payload)
}

/** The end of a dump. */
export const end = (asked: Message, flags: number = NLM_F_MULTI): Uint8Array =>
  datagram(asked, NLMSG_DONE, flags, new Uint8Array(u32.size))

const headAndMore = ({ bytes, at, end }: Message): Uint8Array => bytes.subarray(at - nlmsghdr.size, end)
