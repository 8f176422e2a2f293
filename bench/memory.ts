/** Peak memory of processes that do one thing and exit. */
import { join } from 'node:path'
import type { Stage } from './stage'

const LIBRARY = join(__dirname, '../dist/index.js')

const TASKS = {
  nothing: '',
  read: 'table.refresh(); chain.getCounters()',
  'append one': "chain.appendRule(Rule.parse('-p tcp --dport 22 -j DROP')); chain.deleteRule(count)",
  save: "save({ ipv6, tables: ['filter'] })",
}

export type Task = keyof typeof TASKS

const program = (task: Task, ipv6: boolean, count: number): string => `
const xtables = require(${JSON.stringify(LIBRARY)})
const { Chain, save } = xtables
const [ipv6, count] = [${ipv6}, ${count}]
const Rule = ipv6 ? xtables.Rule6 : xtables.Rule
const table = new (ipv6 ? xtables.Table6 : xtables.Table)('filter')
const chain = new Chain(table, 'INPUT')
${TASKS[task]}
// What getrusage(2) says is at least what the process had that started this one.
console.log(/VmHWM:\\s+(\\d+)/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1] * 1024)
`

/** In bytes. */
export const peakOf = (stage: Stage, task: Task): number =>
  Number(stage.run(process.execPath, ['-e', program(task, stage.family === 'ipv6', stage.count)]).stdout)

export const TASK_NAMES = Object.keys(TASKS).filter((name) => name !== 'nothing') as Task[]
