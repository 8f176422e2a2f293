/** Prints graphs of chains in all formats. */
import { check, keyOf } from '../check-input'
import type { TableSnapshot } from '../view/snapshot'
import { printDot } from './dot'
import { type Drawing, drawingsOf } from './drawing'
import { chainGraph } from './graph'
import { printMermaid } from './mermaid'

/** The layout code is loaded only for SVG. */
const printSvg = (drawings: readonly Drawing[]): string =>
  (require('./svg') as typeof import('./svg')).printSvg(drawings)

const PRINTERS = { mermaid: printMermaid, dot: printDot, svg: printSvg } as const

/**
 * `'mermaid'`, a flowchart of Mermaid; `'dot'`, the language of Graphviz; `'svg'`, drawn.
 * @since 0.1.0
 */
export type GraphFormat = keyof typeof PRINTERS

export const GRAPH_FORMAT = keyOf(PRINTERS)

/**
 * The chains of tables and the jumps between them: as a flowchart of Mermaid, in the language of Graphviz (`dot`), or drawn
 * as SVG. The more packets went along a jump, the thicker it is: half a pixel more for ten times as many.
 * @throws {@link IptcError} for what is no list of snapshots, for another format, and for a rule that goes to a chain which is not there
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, printGraph, restore, snapshot } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n:web - [0:0]\n-A INPUT -j web\nCOMMIT\n', { kernel })
 * console.log(printGraph(snapshot({ kernel }), 'svg').startsWith('<svg ')) // true
 * ```
 */
export function printGraph(tables: readonly TableSnapshot[], format: GraphFormat): string {
  check('the format of a graph', format, GRAPH_FORMAT)
  return PRINTERS[format](drawingsOf(chainGraph(tables)))
}
