/** The kinds of input that are fuzzed, by name. */
import type { Kind, Recipe } from '../kind'
import { type RunOptions, run, runOne } from '../run'
import { blob } from './blob'
import { command } from './command'
import { dictionary } from './dictionary'
import { json } from './json'
import { nft } from './nft'
import { rule } from './rule'
import { save } from './save'
import { sets } from './sets'

/** What can be done with a kind. */
interface Runs {
  readonly run: (options: RunOptions) => void
  readonly runOne: (recipe: Recipe) => void
}

const runs = <T>(kind: Kind<T>): Runs => ({
  run: (options) => run(kind, options),
  runOne: (recipe) => runOne(kind, recipe),
})

export const KINDS: Readonly<Record<string, Runs>> = {
  blob: runs(blob),
  rule: runs(rule),
  save: runs(save),
  dictionary: runs(dictionary),
  json: runs(json),
  command: runs(command),
  sets: runs(sets),
  nft: runs(nft),
}
