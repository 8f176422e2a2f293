/** What a drawing of a graph shows, independent of its format. */
import type { FamilyName } from '../abi/family'
import { visible } from '../view/escape'
import type { ChainGraph, GraphEdge, GraphNode } from './graph'

/** A chain. */
export interface Box {
  /** `n0`, `n1`, …: an identifier without special characters. */
  readonly id: string
  /** Its name. */
  readonly chain: string
  /** Without control characters. */
  readonly lines: readonly string[]
  readonly isBuiltIn: boolean
}

export interface Arrow {
  readonly from: string
  readonly to: string
  readonly label: string
  /** The complete description. */
  readonly title: string
  readonly isGoto: boolean
  /** The positions of the rules in their chain, from 1. */
  readonly positions: readonly number[]
  /** In pixels, or points. */
  readonly width: number
}

/** The chains of one table. */
export interface Drawing {
  readonly family: FamilyName
  readonly table: string
  readonly title: string
  readonly boxes: readonly Box[]
  readonly arrows: readonly Arrow[]
}

const FAMILY_WORDS = { ipv4: 'IPv4', ipv6: 'IPv6' } as const

/** Width 1 without packets, and 0.5 more for each factor of ten. */
const widthOf = (packets: bigint): number => Math.round(10 * (1 + Math.log10(Number(packets) + 1) / 2)) / 10

const counted = (count: number | bigint, what: string): string => `${count} ${what}${BigInt(count) === 1n ? '' : 's'}`

const linesOf = ({ chain, policy, counters = [0n, 0n], rules }: GraphNode): string[] => [
  visible(chain),
  ...(policy === undefined ? [] : [`${policy} [${counters.join(':')}]`]),
  counted(rules, 'rule'),
]

/** One drawing per table, in order. */
export function drawingsOf({ nodes, edges }: ChainGraph): Drawing[] {
  const numbered = new Map(nodes.map((node, i) => [node.id, { node, id: `n${i}` }]))
  const tables = new Map<string, Drawing & { boxes: Box[]; arrows: Arrow[] }>()
  const drawingFor = ({ family, table }: GraphNode) => {
    const title = `${table} (${FAMILY_WORDS[family]})`
    const drawing = tables.get(title) ?? { family, table, title, boxes: [], arrows: [] }
    tables.set(title, drawing)
    return drawing
  }
  for (const { node, id } of numbered.values())
    drawingFor(node).boxes.push({
      ...{ id, chain: node.chain, lines: linesOf(node), isBuiltIn: node.policy !== undefined },
    })
  for (const edge of edges) {
    const [from, to] = [edge.from, edge.to].map((id) => numbered.get(id))
    if (from !== undefined && to !== undefined)
      drawingFor(from.node).arrows.push({ from: from.id, to: to.id, ...arrowOf(edge, from.node, to.node) })
  }
  return [...tables.values()]
}

function arrowOf({ kind, positions, packets, bytes }: GraphEdge, from: GraphNode, to: GraphNode) {
  const rules = `rule${positions.length === 1 ? '' : 's'} ${positions.join(', ')}`
  const amount = `${counted(packets, 'packet')}, ${counted(bytes, 'byte')}`
  return {
    label: String(packets),
    title: `${visible(from.chain)} to ${visible(to.chain)}: ${kind} by ${rules}: ${amount}`,
    isGoto: kind === 'goto',
    positions,
    width: widthOf(packets),
  }
}
