/** Batches of nf_tables changes, as they are sent. */
import { nlmsghdr } from '../../src/abi/netlink'
import { nfgenmsg } from '../../src/abi/nfnetlink'
import { batchBegin, batchEnd } from '../../src/nft/messages'

/** A message about a batch has no attributes. */
const BATCH_MESSAGE = nlmsghdr.size + nfgenmsg.size

/** Whether messages are a batch with its end: without, nothing is changed. */
export function isWholeBatch(bytes: Uint8Array): boolean {
  const [first, last] = [0, bytes.length - BATCH_MESSAGE].map((at) => nlmsghdr.fields.nlmsgType.read(bytes, at))
  return first === batchBegin.type && last === batchEnd.type
}
