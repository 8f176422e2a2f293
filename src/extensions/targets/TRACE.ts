/** Logs every rule that the packet meets from here on. */
import { nothing } from '../../binary/struct'
import { target } from '../extension'

export const TRACE = target('TRACE', {
  tables: ['raw'],
  revisions: { 0: nothing },
  list: '',
  options: () => ({}),
})
