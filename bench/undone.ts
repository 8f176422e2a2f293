/** Bodies that undo their change to the table. */
import type { Body } from './measure'

/** Times `work` alone, and takes back what it did. */
export const undone =
  (work: () => void, undo: () => void): Body =>
  () => {
    const start = performance.now()
    work()
    const ms = performance.now() - start
    undo()
    return ms
  }
