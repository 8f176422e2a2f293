/**
 * What operations cost beside their bare system calls, the legacy commands and python-iptables: ratios of medians that
 * were taken in turns, in network namespaces of its own. Needs root and Linux; `npm run build` makes the command.
 *
 *   npm run bench
 *   npm run bench -- --rules 1000,10000 --families ipv4 --only append,save
 *   npm run bench -- --backend nft --rules 100,10000,100000      nf_tables, beside iptables-nft
 *   npm run bench -- --write          docs/performance.md gets the table
 *
 * `calls` are GET_INFO and GET_ENTRIES, for edits SET_REPLACE and SET_ADD_COUNTERS too, on the same table; `legacy` is
 * the whole process; `python` goes without its start.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { FamilyName } from '../src/abi/family'
import { Chain } from '../src/index'
import { BareCalls } from './floor'
import { inTurns } from './measure'
import { peakOf, TASK_NAMES } from './memory'
import { NftStage } from './nft'
import { OPERATIONS, type Scene } from './operations'
import { judge, judgeEdits, judgeGrowth, judgeMemory, printed, type Row, writePage } from './page'
import { Stage } from './stage'

const { values } = parseArgs({
  options: {
    rules: { type: 'string', default: '10,1000,10000,100000' },
    families: { type: 'string', default: 'ipv4,ipv6' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
    backend: { type: 'string', default: 'legacy' },
  },
})
const only = values.only.split(',')
const isWanted = (name: string): boolean => only.some((part) => name.includes(part))

async function benchTable(family: FamilyName, count: number): Promise<Row[]> {
  using stage = new Stage(family, count)
  using table = stage.open()
  using bare = new BareCalls(stage)
  const scene: Scene = { stage, table, bare, input: new Chain(table, 'INPUT') }
  const rows: Row[] = []
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    if (!isWanted(name) || count > (operation.upTo ?? count) || count < (operation.from ?? 0)) continue
    const times = await inTurns(operation.bodies(scene))
    rows.push(judge({ name, family, count, times }, operation.goals))
    console.log(printed(rows.slice(-1)))
  }
  if (isWanted('memory')) {
    const idle = peakOf(stage, 'nothing')
    for (const task of TASK_NAMES)
      rows.push(judgeMemory({ name: `memory: ${task}`, family, count }, peakOf(stage, task), idle, bare.size))
  }
  return rows
}

async function benchNft(family: FamilyName, count: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const isSpread of [false, true]) {
    using stage = new NftStage(family, count, isSpread)
    for (const [name, { goals, bodies }] of Object.entries(stage.operations)) {
      if (!isWanted(name)) continue
      const times = await inTurns(bodies())
      rows.push(judge({ name: isSpread ? `${name}, in many chains` : name, family, count, times }, goals))
      console.log(printed(rows.slice(-1)))
    }
  }
  return rows
}

function demand(): void {
  const missing = ['iptables-legacy', 'ip6tables-legacy'].filter((tool) => spawnSync(tool, ['-V']).status !== 0)
  if (missing.length > 0) throw new Error(`${missing.join(', ')} not installed: apt-get install iptables`)
}

async function main(): Promise<void> {
  demand()
  const rows: Row[] = []
  for (const family of values.families.split(',') as FamilyName[])
    for (const count of values.rules.split(',').map(Number))
      rows.push(...(await (values.backend === 'nft' ? benchNft : benchTable)(family, count)))
  const all = [...rows, ...(values.backend === 'nft' ? judgeEdits : judgeGrowth)(rows)]
  console.log(printed(all))
  if (values.write) writePage(join(__dirname, '../docs/performance.md'), all, values.backend)
  if (all.some(({ goals }) => goals.some(({ isMet }) => !isMet))) process.exitCode = 1
}

void main()
