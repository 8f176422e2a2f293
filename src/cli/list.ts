/** `xtables list`: what tables hold, chain by chain or as the tree that jumps make. */
import { parseArgs } from 'node:util'
import { toJson } from '../json'
import { printList } from '../view/text'
import { printTree } from '../view/tree'
import type { Io, OpenKernel } from './open-kernel'
import { readTables, TABLE_OPTIONS } from './view'

const OPTIONS = { ...TABLE_OPTIONS, tree: { type: 'boolean' }, json: { type: 'boolean' } } as const

/** `list [-t TABLE]... [-4|-6] [--tree] [--json]` */
export function runList(args: string[], open: OpenKernel, { stdout, colours }: Pick<Io, 'stdout' | 'colours'>): void {
  const { values } = parseArgs({ args, options: OPTIONS })
  const tables = readTables(values, open)
  if (values.json) stdout(`${toJson(tables)}\n`)
  else if (tables.length === 0) stdout('no tables yet\n')
  else stdout((values.tree ? printTree : printList)(tables, { colours: colours?.() ?? false }))
}
