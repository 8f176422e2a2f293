/** The Hop-by-Hop Options header of IPv6. */
import { match } from '../extension'
import { headerLength, optionList, optionsHeader } from '../options-header'

export const hbh = match('hbh', {
  ...optionsHeader('hbh'),
  list: 'hbh',
  options: (at) => ({ 'hbh-len': headerLength(at), 'hbh-opts': optionList(at) }),
})
