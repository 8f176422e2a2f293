/** Prints a graph as a Mermaid flowchart. */
import type { Arrow, Box, Drawing } from './drawing'

/**
 * Quoted text. Mermaid interprets quotes, Markdown, lists, HTML and its own entities in it, so most ASCII
 * punctuation is escaped.
 */
const quoted = (text: string): string =>
  `"${text.replace(/[^\w \-\u0080-\u{10ffff}]|_/gu, (char) => `#${char.codePointAt(0)};`)}"`

function boxText({ id, lines, isBuiltIn }: Box): string {
  const label = `"${lines.map((line) => quoted(line).slice(1, -1)).join('<br/>')}"`
  return isBuiltIn ? `    ${id}([${label}])` : `    ${id}[${label}]`
}

const arrowText = ({ from, to, label, isGoto }: Arrow): string =>
  `  ${from} ${isGoto ? '-.->' : '-->'}|${quoted(label)}| ${to}`

export function printMermaid(drawings: readonly Drawing[]): string {
  const arrows = drawings.flatMap((drawing) => drawing.arrows)
  const lines = [
    'flowchart LR',
    ...drawings.flatMap(({ title, boxes }, i) => [
      `  subgraph t${i}[${quoted(title)}]`,
      ...boxes.map(boxText),
      '  end',
    ]),
    ...arrows.map(arrowText),
    ...arrows.map(({ width }, i) => `  linkStyle ${i} stroke-width:${width}px`),
  ]
  return `${lines.join('\n')}\n`
}
