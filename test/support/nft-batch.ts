/** Batches of nf_tables changes, as sent to the kernel. */
import { nlmsghdr } from '../../src/abi/netlink'
import { nfgenmsg } from '../../src/abi/nfnetlink'
import { batchBegin, batchEnd } from '../../src/nft/messages'

/** Size of a message that begins or ends a batch. It has no attributes. */
const BATCH_MESSAGE = nlmsghdr.size + nfgenmsg.size

/** Whether messages are a complete batch. Without its end, the kernel changes nothing. */
export function isWholeBatch(bytes: Uint8Array): boolean {
  const [first, last] = [0, bytes.length - BATCH_MESSAGE].map((at) => nlmsghdr.fields.nlmsgType.read(bytes, at))
  return first === batchBegin.type && last === batchEnd.type
}
