/** Logs every rule that the packet matches from here on. */
import { NFT_META } from '../../abi/nf-tables'
import { nothing } from '../../binary/struct'
import { target } from '../extension'
import { meta, native } from '../native'
import { assignment } from '../native-actions'

export const TRACE = target('TRACE', {
  tables: ['raw'],
  revisions: { 0: nothing },
  native: () => native(assignment(meta(NFT_META.NFTRACE), new Uint8Array([1]))),
  list: '',
  options: () => ({}),
})
