/** SIGKILL at any moment of an edit: the table is the old or the new one, the lock is free, no file is left. */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { Chain, Rule, Table } from '../src/index'
import { takeLock } from '../src/kernel/linux/lock'
import { GENERATION, GENERATION_RULES, isNft } from './chains'
import { Stage } from './stage'

/** How many children stand by: most of the life of one is the start of Node. */
const READY = 2
/** Some edits of a few milliseconds each. */
const LONGEST_LIFE_MS = 25

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** Ends one editor somewhere in its work. */
async function killOne(stage: Stage): Promise<void> {
  const child = stage.startActor('edit-for-ever')
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), closed])
  await sleep(Math.random() * LONGEST_LIFE_MS)
  if (child.exitCode !== null) throw new Error(`the editor ended by itself, with status ${child.exitCode}`)
  child.kill('SIGKILL')
  await closed
}

/** @returns the generation that stands there. @throws unless it is whole */
function checkWhole(table: Table): string {
  table.refresh()
  const marks = new Chain(table, GENERATION).rules.map(({ matches }) => matches[0]?.parameters['comment'])
  const isWhole = marks.every((mark) => mark === marks[0]) && marks.length === GENERATION_RULES
  if (!isWhole) throw new Error(`rules of generations ${marks.join()}`)
  return String(marks[0])
}

/** A rule that stays, with what it has counted. */
const STAYS = Rule.parse('-s 10.8.8.8 -j RETURN')
STAYS.counters = [1000, 64_000]

/**
 * Nobody edits meanwhile: only an editor that was ended between the exchange and the adding leaves the rule at zero.
 * @returns whether one was; the rule then has its counters again
 */
function takeStock(table: Table): boolean {
  return table.transaction(() => {
    const [rule, ...others] = new Chain(table, 'INPUT').rules
    const counters = rule?.counters.join()
    if (others.length > 0 || (counters !== '1000,64000' && counters !== '0,0'))
      throw new Error(`the rule that stays has counted ${counters}, with ${others.length} others`)
    if (counters === '0,0') new Chain(table, 'INPUT').replaceRule(STAYS, 0)
    return counters === '0,0'
  })
}

/** @param kills how many editors are ended */
export async function kills(kills: number): Promise<string> {
  using stage = new Stage()
  using table = new Table('filter', { namespace: stage.namespace })
  table.createChain(GENERATION)
  new Chain(table, 'INPUT').appendRule(STAYS)
  let between = 0
  const files = readdirSync(stage.folder).join()
  const generations = new Set<string>()
  let left = kills
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      await killOne(stage)
      generations.add(checkWhole(table))
      if (takeStock(table)) between++
    }
  }
  await Promise.all(Array.from({ length: READY }, work))
  // Whoever is still there would hold it: all editors have ended. In nf_tables nobody needs it.
  if (!isNft()) takeLock(0).release()
  if (readdirSync(stage.folder).join() !== files) throw new Error(`files left: ${readdirSync(stage.folder).join()}`)
  if (kills > 1 && generations.size < 2) throw new Error('no editor came to write anything')
  return `${kills} editors ended at any moment: every time one whole generation of rules, the lock free, no file left; ${between} ended between exchange and adding, and the counters with them`
}
