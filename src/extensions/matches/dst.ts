/** The Destination Options header of IPv6. */
import { PROTOCOLS } from '../../abi/protocols'
import { match } from '../extension'
import { headerLength, optionList, optionsHeader } from '../ipv6-options-header'

export const dst = match('dst', {
  ...optionsHeader('dst', PROTOCOLS['ipv6-opts']),
  list: 'dst',
  options: (at) => ({ 'dst-len': headerLength(at), 'dst-opts': optionList(at) }),
})
