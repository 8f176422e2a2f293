/** Logs every rule that the packet meets from here on. */
import { NFT_META } from '../../abi/nf-tables'
import { nothing } from '../../binary/struct'
import { target } from '../extension'
import { assignment, native } from '../native'

export const TRACE = target('TRACE', {
  tables: ['raw'],
  revisions: { 0: nothing },
  native: () => native(assignment(NFT_META.NFTRACE, new Uint8Array([1]))),
  list: '',
  options: () => ({}),
})
