/** Graphs of chains in the formats that others draw, and drawn. */
import { check, keyOf } from '../check-input'
import type { TableSnapshot } from '../view/snapshot'
import { printDot } from './dot'
import { type Drawing, drawingsOf } from './drawing'
import { chainGraph } from './graph'
import { printMermaid } from './mermaid'

/** What lays a graph out is loaded when somebody wants that. */
const printSvg = (drawings: readonly Drawing[]): string =>
  (require('./svg') as typeof import('./svg')).printSvg(drawings)

const PRINTERS = { mermaid: printMermaid, dot: printDot, svg: printSvg } as const

export type GraphFormat = keyof typeof PRINTERS

export const GRAPH_FORMAT = keyOf(PRINTERS)

/**
 * The chains of tables and the jumps between them: as a flowchart of Mermaid, in the language of Graphviz (`dot`), or drawn
 * as SVG. The more packets went along a jump, the thicker it is: half a pixel more for ten times as many.
 *
 * ```ts
 * writeFileSync('filter.svg', printGraph(snapshot({ tables: ['filter'] }), 'svg'))
 * ```
 * @throws IptcError for what is no list of snapshots, for another format, and for a rule that goes to a chain which is not there
 */
export function printGraph(tables: readonly TableSnapshot[], format: GraphFormat): string {
  check('the format of a graph', format, GRAPH_FORMAT)
  return PRINTERS[format](drawingsOf(chainGraph(tables)))
}
