/** Chains and jumps as a graph in each format, with names that have a meaning in the format. */
import { spawnSync } from 'node:child_process'
import { SaxesParser } from 'saxes'
import { chainGraph, type GraphFormat, IptcError, printGraph, type TableSnapshot } from '../../src/index'
import { visible } from '../../src/view/escape'
import { filterOf, tablesOf } from '../view/tables'
import { hostileTables, NAMES } from './hostile'

const JUMPS = [
  ':a - [0:0]',
  ':b - [0:0]',
  '[1:10] -A INPUT -s 10.0.0.1 -j a',
  '[999:5] -A INPUT -j a',
  '[18446744073709551615:7] -A INPUT -g b',
  '[0:0] -A a -j b',
  '[1:1] -A a -j DROP',
]

const FORMATS = ['mermaid', 'dot', 'svg'] as const
const PRINTED = NAMES.map(visible)

test('rules of one chain that jump to the same chain are one edge; jumps and gotos are separate', () => {
  const { nodes, edges } = chainGraph(tablesOf(filterOf(...JUMPS)))
  expect(nodes).toEqual([
    ...(['INPUT', 'FORWARD', 'OUTPUT'] as const).map((chain) => ({
      ...{ id: `ipv4 filter ${chain}`, family: 'ipv4', table: 'filter', chain },
      ...{ policy: 'ACCEPT', counters: [0n, 0n], rules: chain === 'INPUT' ? 3 : 0 },
    })),
    { id: 'ipv4 filter a', family: 'ipv4', table: 'filter', chain: 'a', rules: 2 },
    { id: 'ipv4 filter b', family: 'ipv4', table: 'filter', chain: 'b', rules: 0 },
  ])
  const [input, a, b] = ['INPUT', 'a', 'b'].map((chain) => `ipv4 filter ${chain}`)
  expect(edges).toEqual([
    { from: input, to: a, kind: 'jump', positions: [1, 2], packets: 1000n, bytes: 15n },
    { from: input, to: b, kind: 'goto', positions: [3], packets: 18446744073709551615n, bytes: 7n },
    { from: a, to: b, kind: 'jump', positions: [1], packets: 0n, bytes: 0n },
  ])
})

test('Mermaid', () => {
  expect(printGraph(tablesOf(filterOf(...JUMPS)), 'mermaid')).toBe(`flowchart LR
  subgraph t0["filter #40;IPv4#41;"]
    n0(["INPUT<br/>ACCEPT #91;0#58;0#93;<br/>3 rules"])
    n1(["FORWARD<br/>ACCEPT #91;0#58;0#93;<br/>0 rules"])
    n2(["OUTPUT<br/>ACCEPT #91;0#58;0#93;<br/>0 rules"])
    n3["a<br/>2 rules"]
    n4["b<br/>0 rules"]
  end
  n0 -->|"1000"| n3
  n0 -.->|"18446744073709551615"| n4
  n3 -->|"0"| n4
  linkStyle 0 stroke-width:2.5px
  linkStyle 1 stroke-width:10.6px
  linkStyle 2 stroke-width:1px
`)
})

test('DOT', () => {
  expect(printGraph(tablesOf(filterOf(...JUMPS)), 'dot')).toBe(`digraph {
  rankdir=LR
  node [shape=box fontname=monospace]
  edge [fontname=monospace]
  subgraph cluster_0 {
    label="filter (IPv4)"
    n0 [label="INPUT\\nACCEPT [0:0]\\n3 rules" style="rounded,bold"]
    n1 [label="FORWARD\\nACCEPT [0:0]\\n0 rules" style="rounded,bold"]
    n2 [label="OUTPUT\\nACCEPT [0:0]\\n0 rules" style="rounded,bold"]
    n3 [label="a\\n2 rules"]
    n4 [label="b\\n0 rules"]
  }
  n0 -> n3 [label="1000" penwidth=2.5 tooltip="INPUT to a: jump by rules 1, 2: 1000 packets, 15 bytes"]
  n0 -> n4 [label="18446744073709551615" penwidth=10.6 tooltip="INPUT to b: goto by rule 3: 18446744073709551615 packets, 7 bytes" style=dashed]
  n3 -> n4 [label="0" penwidth=1 tooltip="a to b: jump by rule 1: 0 packets, 0 bytes"]
}
`)
})

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  text: string
}

/** @throws Error if it is not well-formed XML */
function parseXml(xml: string): Element[] {
  const parser = new SaxesParser()
  const [all, open]: [Element[], Element[]] = [[], []]
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes: attributes as Record<string, string>, text: '' }
    all.push(element)
    open.push(element)
  })
  parser.on('text', (text) => {
    const within = open.at(-1)
    if (within !== undefined) within.text += text
  })
  parser.on('closetag', () => void open.pop())
  parser.write(xml).close()
  return all
}

const boxesIn = (elements: readonly Element[]) =>
  elements
    .filter(({ name, attributes }) => name === 'rect' && attributes['x'] !== undefined)
    .map(({ attributes }) => ['x', 'y', 'width', 'height'].map((key) => Number(attributes[key])) as number[])

describe('SVG', () => {
  const tables = [...tablesOf(filterOf(...JUMPS)), ...hostileTables().map((one) => ({ ...one, table: 'nat' }))]
  const elements = parseXml(printGraph(tables, 'svg'))

  test('has a box for each chain; they do not overlap, and all are within the picture', () => {
    const boxes = boxesIn(parseXml(printGraph(tablesOf(filterOf(...JUMPS)), 'svg')))
    expect(boxes).toHaveLength(5)
    for (const [i, [x = 0, y = 0, width = 0, height = 0]] of boxes.entries())
      for (const [left = 0, top = 0, w = 0, h = 0] of boxes.slice(i + 1))
        expect(x + width <= left || left + w <= x || y + height <= top || top + h <= y).toBe(true)
    const { width, height } = parseXml(printGraph(tablesOf(filterOf(...JUMPS)), 'svg'))[0]?.attributes ?? {}
    for (const [x = 0, y = 0, w = 0, h = 0] of boxes)
      expect([x >= 0, y >= 0, x + w <= Number(width), y + h <= Number(height)]).toEqual([true, true, true, true])
  })

  test('has thicker lines for more packets, and dashed ones for goto', () => {
    const paths = elements.filter(({ name, attributes }) => name === 'path' && attributes['marker-end'] !== undefined)
    expect(paths.slice(0, 3).map(({ attributes }) => [attributes['stroke-width'], attributes['class']])).toEqual([
      ['2.5', undefined],
      ['10.6', 'goto'],
      ['1', undefined],
    ])
    expect(elements.filter(({ name }) => name === 'title')[0]?.text).toBe(
      'INPUT to a: jump by rules 1, 2: 1000 packets, 15 bytes',
    )
  })

  test('has unchanged names', () => {
    const names = elements.filter(({ attributes }) => attributes['class'] === 'name').map(({ text }) => text)
    expect(names.slice(8).sort()).toEqual([...PRINTED].sort())
  })
})

/** The tokens of DOT, see graphviz.org/doc/info/lang.html. */
const DOT_TOKEN = /\s*(->|[{}[\]=;,]|"(?:[^"\\]|\\[\s\S])*"|[A-Za-z_][A-Za-z_0-9]*|-?(?:\.\d+|\d+(?:\.\d*)?))\s*/y

/** Parses the statements that we print. @throws Error for any other */
function readDot(text: string): { labels: Map<string, string>; edges: number } {
  const tokens: string[] = []
  DOT_TOKEN.lastIndex = 0
  while (DOT_TOKEN.lastIndex < text.length) {
    const at = DOT_TOKEN.lastIndex
    const token = DOT_TOKEN.exec(text)?.[1]
    if (token === undefined) throw new Error(`no token at ${text.slice(at, at + 40)}`)
    tokens.push(token)
  }
  const labels = new Map<string, string>()
  let [at, edges] = [0, 0]
  const take = (wanted?: RegExp): string => {
    const token = tokens[at++] ?? ''
    if (wanted !== undefined && !wanted.test(token)) throw new Error(`${token} at ${at}, not ${wanted}`)
    return token
  }
  const attributes = (): Record<string, string> => {
    const all: Record<string, string> = {}
    if (tokens[at] !== '[') return all
    for (take(); tokens[at] !== ']'; ) {
      const key = take(/^\w+$/)
      take(/^=$/)
      all[key] = take(/^["\w-]/)
    }
    take()
    return all
  }
  const statements = (): void => {
    for (take(/^\{$/); tokens[at] !== '}'; ) {
      const id = take(/^\w+$/)
      if (id === 'subgraph') {
        take(/^\w+$/)
        statements()
      } else if (tokens[at] === '=') {
        take()
        take(/^["\w]/)
      } else if (tokens[at] === '->') {
        take()
        take(/^\w+$/)
        attributes()
        edges++
      } else labels.set(id, attributes()['label'] ?? '')
    }
    take()
  }
  take(/^digraph$/)
  statements()
  if (at !== tokens.length) throw new Error('something stands behind the graph')
  return { labels, edges }
}

/** Reads a label like Graphviz. */
const readLabel = (label: string): string =>
  label
    .slice(1, -1)
    .replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
    .replaceAll('&amp;', '&')

test('DOT has unchanged names', () => {
  const { labels, edges } = readDot(printGraph(hostileTables(), 'dot'))
  const names = [...labels].filter(([id]) => id.startsWith('n') && id !== 'node').map(([, label]) => readLabel(label))
  expect(names.map((name) => name.split('\n')[0]).sort()).toEqual(['FORWARD', 'INPUT', 'OUTPUT', ...PRINTED].sort())
  expect(edges).toBe(2 * NAMES.length - 1)
})

const hasGraphviz = spawnSync('dot', ['-V']).status === 0
const withGraphviz = hasGraphviz ? test : test.skip
withGraphviz('Graphviz reads it', () => {
  const { status, stdout } = spawnSync('dot', ['-Tsvg'], {
    input: printGraph(hostileTables(), 'dot'),
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  const texts = new Set(parseXml(stdout).flatMap(({ name, text }) => (name === 'text' ? [text] : [])))
  expect(PRINTED.filter((name) => !texts.has(name))).toEqual([])
})

/** Reads quoted text like Mermaid: decodes its entities, and interprets nothing else. */
const readMermaid = (text: string): string =>
  text.replaceAll(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))

test('Mermaid has unchanged names, and nothing in them ends the quotes', () => {
  const lines = printGraph(hostileTables(), 'mermaid').trimEnd().split('\n')
  const boxes = lines.flatMap((line) => {
    const [, name] = /^ {4}n\d+(?:\(\[|\[)"([\w\- #;\u0080-\u{10ffff}]+)<br\/>[^"]*"(?:\]\)|\])$/u.exec(line) ?? []
    return name === undefined ? [] : [readMermaid(name)]
  })
  expect(boxes.sort()).toEqual(['FORWARD', 'INPUT', 'OUTPUT', ...PRINTED].sort())
  const others = lines.filter((line) => !line.startsWith('    n'))
  const KNOWN =
    /^(flowchart LR| {2}subgraph t0\["filter #40;IPv4#41;"\]| {2}end| {2}n\d+ -\.?->\|"\d+"\| n\d+| {2}linkStyle \d+ stroke-width:[\d.]+px)$/
  expect(others.filter((line) => !KNOWN.test(line))).toEqual([])
})

describe.each(FORMATS)('%s', (format: GraphFormat) => {
  test('several tables are separate', () => {
    const [filter] = tablesOf(filterOf(...JUMPS)) as [TableSnapshot]
    const text = printGraph([filter, { ...filter, family: 'ipv6' }], format)
    expect(text).toContain(format === 'mermaid' ? 'filter #40;IPv6#41;' : 'filter (IPv6)')
    expect(text.match(/INPUT to a|n0 -->\|"1000"\| n3|n5 -->\|"1000"\| n8/g)).toHaveLength(2)
  })

  test('loops, and empty tables', () => {
    const [filter] = tablesOf(filterOf(':a - [0:0]', '-A INPUT -j a')) as [TableSnapshot]
    const chains = filter.chains.map((chain) =>
      chain.name === 'a'
        ? { ...chain, rules: [{ position: 1, rule: '-j a', counters: [0n, 0n] as const, jump: 'a' }] }
        : chain,
    )
    const text = printGraph([{ ...filter, chains }], format)
    expect(text).toMatch(/a to a: jump|n3 -->\|"0"\| n3/)
    expect(text).not.toMatch(/NaN|undefined/)
    expect(printGraph([], format)).not.toMatch(/NaN|undefined|Infinity/)
  })

  test('a rule that jumps to a missing chain is refused', () => {
    const [filter] = tablesOf(filterOf(':a - [0:0]', '-A INPUT -j a')) as [TableSnapshot]
    const chains = filter.chains.filter(({ name }) => name !== 'a')
    expect(() => printGraph([{ ...filter, chains }], format)).toThrow(
      'table filter chain INPUT rule 1 jumps to chain "a", which does not exist',
    )
  })
})

test('another format is refused', () => {
  expect(() => printGraph([], 'png' as never)).toThrow(IptcError)
})
