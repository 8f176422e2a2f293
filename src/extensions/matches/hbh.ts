/** The Hop-by-Hop Options header of IPv6. */
import { HOP_BY_HOP } from '../../abi/protocols'
import { match } from '../extension'
import { headerLength, optionList, optionsHeader } from '../ipv6-options-header'

export const hbh = match('hbh', {
  ...optionsHeader('hbh', HOP_BY_HOP),
  list: 'hbh',
  options: (at) => ({ 'hbh-len': headerLength(at), 'hbh-opts': optionList(at) }),
})
