/** `xtables list`: prints tables, chain by chain or as a tree of jumps. */
import { toJson } from '../json'
import { printList } from '../view/text'
import { printTree } from '../view/tree'
import { LIST } from './applets/own-applets'
import { readWords } from './command-line'
import type { Io, OpenKernel } from './open-kernel'
import { readTables } from './view'

export function runList(args: string[], open: OpenKernel, { stdout, colours }: Pick<Io, 'stdout' | 'colours'>): void {
  const { values } = readWords(LIST, args)
  const tables = readTables(values, open)
  if (values.json) stdout(`${toJson(tables)}\n`)
  else if (tables.length === 0) stdout('no tables yet\n')
  else stdout((values.tree ? printTree : printList)(tables, { colours: colours?.() ?? false }))
}
