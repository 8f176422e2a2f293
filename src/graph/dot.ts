/** Prints a graph in Graphviz's DOT language. */
import type { Arrow, Box, Drawing } from './drawing'

/** Within quotes, a backslash starts an escape of labels, and `&` an HTML entity. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;')

const quoted = (...lines: readonly string[]): string => `"${lines.map(escaped).join('\\n')}"`

const boxText = ({ id, lines, isBuiltIn }: Box): string =>
  `    ${id} [label=${quoted(...lines)}${isBuiltIn ? ' style="rounded,bold"' : ''}]`

const arrowText = ({ from, to, label, title, isGoto, width }: Arrow): string =>
  `  ${from} -> ${to} [label=${quoted(label)} penwidth=${width} tooltip=${quoted(title)}${isGoto ? ' style=dashed' : ''}]`

export function printDot(drawings: readonly Drawing[]): string {
  const lines = [
    'digraph {',
    '  rankdir=LR',
    '  node [shape=box fontname=monospace]',
    '  edge [fontname=monospace]',
    ...drawings.flatMap(({ title, boxes }, i) => [
      `  subgraph cluster_${i} {`,
      `    label=${quoted(title)}`,
      ...boxes.map(boxText),
      '  }',
    ]),
    ...drawings.flatMap(({ arrows }) => arrows.map(arrowText)),
    '}',
  ]
  return `${lines.join('\n')}\n`
}
