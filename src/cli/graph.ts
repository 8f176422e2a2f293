/** `xtables graph`: chains and jumps as a graph. */
import { parseArgs } from 'node:util'
import { check } from '../check-input'
import { IptcError } from '../errors'
import { chainGraph } from '../graph/graph'
import { GRAPH_FORMAT, type GraphFormat, printGraph } from '../graph/print'
import { toJson } from '../json'
import type { Io, OpenKernel } from './open-kernel'
import { readTables, TABLE_OPTIONS } from './view'

const OPTIONS = {
  ...TABLE_OPTIONS,
  format: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** `graph [-t TABLE]... [-4|-6] [--format mermaid|dot|svg] [--json]` */
export function runGraph(args: string[], open: OpenKernel, { stdout }: Pick<Io, 'stdout'>): void {
  const { values } = parseArgs({ args, options: OPTIONS })
  const { format = 'mermaid', json } = values
  check('--format', format, GRAPH_FORMAT)
  if (json && values.format !== undefined)
    throw new IptcError('XT_COMMAND', '--json is a form of its own: --format has no place here')
  const tables = readTables(values, open)
  stdout(json ? `${toJson(chainGraph(tables))}\n` : printGraph(tables, format as GraphFormat))
}
