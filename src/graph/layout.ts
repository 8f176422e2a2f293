/** Places the boxes and arrows of a drawing. */
import { Graph, layout } from './dagre'
import type { Arrow, Box, Drawing } from './drawing'

export interface Point {
  readonly x: number
  readonly y: number
}

/** In pixels. A position is that of the centre. */
export interface PlacedBox extends Box, Point {
  readonly width: number
  readonly height: number
}

export interface PlacedArrow extends Arrow {
  readonly points: readonly Point[]
  /** The centre of its label. */
  readonly at: Point
}

export interface Placed extends Omit<Drawing, 'boxes' | 'arrows'> {
  readonly width: number
  readonly height: number
  readonly boxes: readonly PlacedBox[]
  readonly arrows: readonly PlacedArrow[]
}

/** Text metrics in pixels. */
const [CHARACTER, LINE, PADDING] = [7.3, 16, 12]

/** East Asian characters and pictographs are twice as wide. */
const isWide = (char: string): boolean => /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\uffdc]/u.test(char)
const widthOf = (text: string): number =>
  CHARACTER * [...text].reduce((sum, char) => sum + (char > '\u007f' && isWide(char) ? 2 : 1), 0)

const sizeOf = ({ lines }: Box) => ({
  width: Math.max(...lines.map(widthOf)) + 2 * PADDING,
  height: lines.length * LINE + PADDING,
})

export function place({ boxes, arrows, ...drawing }: Drawing): Placed {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 16, ranksep: 48, marginx: PADDING, marginy: PADDING })
  for (const box of boxes) graph.setNode(box.id, sizeOf(box))
  for (const [i, { from, to, label, width }] of arrows.entries())
    graph.setEdge(from, to, { width: widthOf(label) + width, height: LINE, labelpos: 'c' }, String(i))
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return {
    ...drawing,
    width: Math.max(width, widthOf(drawing.title) + 2 * PADDING),
    height,
    boxes: boxes.map((box) => ({ ...box, ...(graph.node(box.id) as Omit<PlacedBox, keyof Box>) })),
    arrows: arrows.map((arrow, i) => placed(arrow, graph.edge(arrow.from, arrow.to, String(i)) as PlacedLabel)),
  }
}

interface PlacedLabel extends Point {
  readonly points: readonly Point[]
}

const placed = (arrow: Arrow, { points, x, y }: PlacedLabel): PlacedArrow => ({ ...arrow, points, at: { x, y } })
