/** Draws chains and jumps, with the path of a packet. */
import type { DrawnArrow, DrawnTable } from '../api'
import { el, note, svg } from './dom'
import { plural } from './numbers'
import type { PacketPath } from './packet-path'

const LINE = 16

type Box = DrawnTable['boxes'][number]

/** @param reveal shows a chain */
export const drawGraph = (
  tables: readonly DrawnTable[],
  way: PacketPath | undefined,
  reveal: (table: string, chain: string) => void,
): HTMLElement => el('div', { class: 'graph' }, ...tables.map((table) => figureOf(table, way, reveal)))

function figureOf(
  table: DrawnTable,
  way: PacketPath | undefined,
  reveal: (table: string, chain: string) => void,
): HTMLElement {
  const { title, width, height, left } = table
  const id = `arrow-${table.family}-${table.table}`
  const chains = new Map(table.boxes.map((box) => [box.id, box.chain]))
  const isTaken = ({ from, positions }: DrawnArrow): boolean =>
    positions.some((position) => way?.takes(table.table, chains.get(from) ?? '', position - 1))
  const met = new Set(table.arrows.filter(isTaken))
  // The trace has no step for a chain without rules.
  const entered = new Set([...met].map(({ to }) => to))
  const picture = svg(
    'svg',
    { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `chains of ${title}` },
    svg('defs', {}, marker(id, 'head'), marker(`${id}-met`, 'head met')),
    ...table.arrows.map((arrow) => arrowOf(arrow, met.has(arrow), chains.get(arrow.from) ?? '', id)),
    ...table.boxes.map((box) => {
      const isMet = entered.has(box.id) || (way?.comesTo(table.table, box.chain) ?? false)
      const end = way?.endIn(table.table, box.chain)
      return boxOf(box, table.table, isMet, end, () => reveal(table.table, box.chain))
    }),
  )
  return el(
    'figure',
    {},
    el('figcaption', {}, title, left > 0 && note(`${plural(left, 'chain')} are not drawn: there are too many`, 'dim')),
    el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': `graph of ${title}` }, picture),
  )
}

const marker = (id: string, kind: string): SVGMarkerElement =>
  svg(
    'marker',
    {
      ...{ id, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 9, markerHeight: 9 },
      ...{ markerUnits: 'userSpaceOnUse', orient: 'auto-start-reverse' },
    },
    svg('path', { class: kind, d: 'M0,0 L10,5 L0,10 z' }),
  )

function arrowOf(
  { path, at, label, title, isGoto, width }: DrawnArrow,
  isMet: boolean,
  from: string,
  marker: string,
): SVGElement {
  const kind = `arrow${isGoto ? ' goto' : ''}${isMet ? ' met' : ''}`
  return svg(
    'g',
    { class: kind, 'data-from': from },
    svg('title', {}, title),
    svg('path', { d: path, 'stroke-width': width, 'marker-end': `url(#${marker}${isMet ? '-met' : ''})` }),
    svg('text', { x: at.x, y: at.y, class: 'label' }, label),
  )
}

function boxOf(
  { chain, x, y, width, height, lines, isBuiltIn }: Box,
  table: string,
  isMet: boolean,
  end: string | undefined,
  reveal: () => void,
): SVGElement {
  const kind = `box${isBuiltIn ? ' built-in' : ''}${isMet ? ' met' : ''}${end === undefined ? '' : ` end ${verdictKind(end)}`}`
  const first = y - ((lines.length - 1) * LINE) / 2
  const link = svg(
    'a',
    { class: kind, href: '#tables', 'data-table': table, 'data-chain': chain },
    svg('title', {}, `${chain}${end === undefined ? '' : `: ${end}`}`),
    svg('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: isBuiltIn ? 10 : 3 }),
    ...lines.map((line, i) => svg('text', { x, y: first + i * LINE, class: i === 0 && 'name' }, line)),
  )
  link.addEventListener('click', (event) => {
    event.preventDefault()
    reveal()
  })
  return link
}

/** The CSS class that colours a verdict. */
export function verdictKind(verdict: string): string {
  if (verdict === 'ACCEPT') return 'accept'
  return verdict === 'DROP' || verdict === 'REJECT' ? 'drop' : 'other'
}
