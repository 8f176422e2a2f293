/** `xtables graph`: prints chains and jumps as a graph. */
import { check } from '../check-input'
import { chainGraph } from '../graph/graph'
import { GRAPH_FORMAT, type GraphFormat, printGraph } from '../graph/print'
import { toJson } from '../json'
import { GRAPH } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import type { Io, OpenKernel } from './open-kernel'
import { readTables } from './view'

export function runGraph(args: string[], open: OpenKernel, { stdout }: Pick<Io, 'stdout'>): void {
  const { values } = readWords(GRAPH, args)
  const { format = 'mermaid', json } = values
  check('--format', format, GRAPH_FORMAT)
  if (json && values.format !== undefined) throw new CommandLineError('--json and --format exclude each other')
  const tables = readTables(values, open)
  stdout(json ? `${toJson(chainGraph(tables))}\n` : printGraph(tables, format as GraphFormat))
}
