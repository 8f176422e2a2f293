/** Draws a graph as SVG. */
import type { Drawing } from './drawing'
import { type Placed, type PlacedArrow, type PlacedBox, type Point, place } from './layout'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] as string)

/** Rounded to a tenth of a pixel, which is not visible. */
const round = (length: number): number => Math.round(length * 10) / 10
const pair = ({ x, y }: Point): string => `${round(x)},${round(y)}`

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

/** @internal A curve from the first point to the last, passing between the others. */
export function pathOf(points: readonly Point[]): string {
  const [first = { x: 0, y: 0 }, ...others] = points
  const last = others.at(-1) ?? first
  const curves = others.slice(0, -1).map((point, i) => {
    const next = others[i + 1] as Point
    return `Q${pair(point)} ${pair(next === last ? last : middle(point, next))}`
  })
  return `M${pair(first)} ${curves.length === 0 ? `L${pair(last)}` : curves.join(' ')}`
}

const LINE = 16
const TITLE = 28

const textAt = ({ x, y }: Point, text: string, kind = ''): string =>
  `<text x="${round(x)}" y="${round(y)}"${kind && ` class="${kind}"`}>${escaped(text)}</text>`

function boxText({ x, y, width, height, lines, isBuiltIn }: PlacedBox): string {
  const [left, top] = [round(x - width / 2), round(y - height / 2)]
  const size = `width="${round(width)}" height="${round(height)}"`
  const first = y - ((lines.length - 1) * LINE) / 2
  const [name = '', ...others] = lines
  return [
    `<g${isBuiltIn ? ' class="built-in"' : ''}>`,
    `<rect x="${left}" y="${top}" ${size} rx="${isBuiltIn ? 10 : 3}"/>`,
    textAt({ x, y: first }, name, 'name'),
    ...others.map((line, i) => textAt({ x, y: first + (i + 1) * LINE }, line)),
    '</g>',
  ].join('')
}

function arrowText({ points, at, label, title, isGoto, width }: PlacedArrow): string {
  const kind = isGoto ? ' class="goto"' : ''
  const path = `<path d="${pathOf(points)}"${kind} stroke-width="${width}" marker-end="url(#arrow)"/>`
  return `<g><title>${escaped(title)}</title>${path}${textAt(at, label, 'label')}</g>`
}

function tableText({ title, boxes, arrows }: Placed, top: number): string {
  const heading = `<text x="12" y="18" class="title">${escaped(title)}</text>`
  const content = [...arrows.map(arrowText), ...boxes.map(boxText)].join('\n')
  return `<g transform="translate(0,${round(top)})">${heading}\n<g transform="translate(0,${TITLE})">\n${content}\n</g></g>`
}

const STYLE = `text{font:12px monospace;text-anchor:middle;dominant-baseline:central;fill:#222}
.title{font-weight:bold;font-size:14px;text-anchor:start}.name,.built-in rect{font-weight:bold}
.label{paint-order:stroke;stroke:#fff;stroke-width:3px}
rect{fill:#f4f6fa;stroke:#567}.built-in rect{fill:#e0ecff;stroke-width:2}
path{fill:none;stroke:#567}.goto{stroke-dasharray:6 4}.head{fill:#567;stroke:none}`

const ARROW =
  '<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse"' +
  ' orient="auto-start-reverse"><path class="head" d="M0,0 L10,5 L0,10 z"/></marker>'

/** The tables, one below the other. */
export function printSvg(drawings: readonly Drawing[]): string {
  const all = drawings.map(place)
  const width = Math.ceil(Math.max(0, ...all.map((one) => one.width)))
  let height = 0
  const tables = all.map((one) => {
    const text = tableText(one, height)
    height += one.height + TITLE
    return text
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.ceil(height)}" viewBox="0 0 ${width} ${Math.ceil(height)}">`,
    `<style>${STYLE}</style>`,
    `<defs>${ARROW}</defs>`,
    '<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>',
    ...tables,
    '</svg>\n',
  ].join('\n')
}
