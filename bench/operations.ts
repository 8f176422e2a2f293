/** The operations to time, what they are compared with, and the goals. Every body leaves the table unchanged. */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type AnyRule, type AnyTable, type Chain, easy, Rule, Rule6, restore, save } from '../src/index'
import type { BareCalls } from './floor'
import type { Goal } from './goal'
import type { Body } from './measure'
import { hasPython, python } from './python'
import * as reconciling from './reconcile'
import { ruleLine } from './rules'
import type { Stage } from './stage'
import { undone } from './undone'

/** Whose times are compared: ours, and others by what they are. */
export type Bodies = Readonly<Record<string, Body>> & { readonly ours: Body }

export interface Operation {
  readonly goals: readonly Goal[]
  /** Only on tables of so many rules at most, or at least. */
  readonly upTo?: number
  readonly from?: number
  readonly bodies: (scene: Scene) => Bodies
}

/** A filled table, and handles on it. */
export interface Scene {
  readonly stage: Stage
  readonly bare: BareCalls
  readonly table: AnyTable
  readonly input: Chain
}

const parse = ({ family }: Stage, line: string): AnyRule => (family === 'ipv6' ? Rule6 : Rule).parse(line)

const ADDED = '-p tcp -m tcp --dport 22 -j DROP'
const words = (line: string): string[] => line.split(' ')

const legacyEdit = ({ stage }: Scene, work: string[], undo: string[]): Record<string, Body> => {
  const tool = stage.legacy('')
  return {
    legacy: undone(
      () => void stage.run(tool, work),
      () => void stage.run(tool, undo),
    ),
  }
}

const pythonBody = (stage: Stage, name: Parameters<typeof python>[1]): Record<string, Body> =>
  hasPython() ? { python: python(stage, name) } : {}

/** One autocommit edit costs its system calls, and less than the start of the C tool. */
const EDIT_GOALS: readonly Goal[] = [
  { from: 10_000, ratio: ['calls', 1.1] },
  { from: 0, ratio: ['legacy', 1] },
]

const LARGEST = 100_000

/** As `npm run build` makes it. */
const COMMAND = join(__dirname, '../dist/xtables.js')

const command = (...args: string[]): Operation => ({
  upTo: 10,
  goals: [{ from: 0, extraMs: ['node', 10] }],
  bodies: ({ stage }) => ({
    ours: () => void stage.run(process.execPath, [COMMAND, stage.legacy('').replace('-legacy', ''), ...args]),
    node: () => void stage.run(process.execPath, ['-e', '0']),
    legacy: () => void stage.run(stage.legacy(''), args),
  }),
})

function iterate(input: Chain): void {
  for (const rule of input.rules) {
    const [tcp] = rule.matches as unknown as readonly { dport?: string }[]
    if (rule.src === undefined || rule.protocol !== 'tcp' || tcp?.dport === undefined) throw new Error(String(rule))
  }
}

const EDITS = 1_000

/** Replaces, appends and deletes; with the same edits again, the table is as before. */
function manyEdits({ table, input, stage }: Scene, rules: readonly AnyRule[]): void {
  const step = Math.max(1, Math.floor(stage.count / (EDITS / 2)))
  table.transaction(() => {
    for (let i = 0; i < EDITS / 2; i++) input.replaceRule(rules[i] as AnyRule, (i * step) % stage.count)
    for (let i = 0; i < EDITS / 4; i++) input.appendRule(rules[i] as AnyRule)
    for (let i = 0; i < EDITS / 4; i++) input.deleteRule(stage.count)
  })
}

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'append one': {
    goals: EDIT_GOALS,
    bodies: (scene) => {
      const { stage, input, bare } = scene
      const rule = parse(stage, ADDED)
      return {
        ours: undone(
          () => input.appendRule(rule),
          () => input.deleteRule(stage.count),
        ),
        calls: () => bare.edit(),
        ...legacyEdit(scene, ['-A', 'INPUT', ...words(ADDED)], ['-D', 'INPUT', `${stage.count + 1}`]),
        ...pythonBody(stage, 'append'),
      }
    },
  },
  'insert at head': {
    goals: EDIT_GOALS,
    bodies: (scene) => {
      const rule = parse(scene.stage, ADDED)
      return {
        ours: undone(
          () => scene.input.insertRule(rule),
          () => scene.input.deleteRule(0),
        ),
        calls: () => scene.bare.edit(),
        ...legacyEdit(scene, ['-I', 'INPUT', ...words(ADDED)], ['-D', 'INPUT', '1']),
      }
    },
  },
  'delete by rule': {
    goals: EDIT_GOALS,
    bodies: (scene) => {
      const { stage, input, bare } = scene
      const at = stage.count >> 1
      const line = ruleLine(stage.family, at)
      const rule = parse(stage, line)
      const args = words(line.replaceAll('"', '').replace(/rule (\d+)/, 'rule_$1')).map((word) =>
        word.replace('_', ' '),
      )
      return {
        ours: undone(
          () => input.deleteRule(rule),
          () => input.insertRule(rule, at),
        ),
        calls: () => bare.edit(),
        ...legacyEdit(scene, ['-D', 'INPUT', ...args], ['-I', 'INPUT', `${at + 1}`, ...args]),
      }
    },
  },
  replace: {
    goals: EDIT_GOALS,
    bodies: (scene) => {
      const { stage, input, bare } = scene
      const at = stage.count >> 1
      const [rule, other] = [parse(stage, ruleLine(stage.family, at)), parse(stage, ADDED)]
      return {
        ours: undone(
          () => input.replaceRule(other, at),
          () => input.replaceRule(rule, at),
        ),
        calls: () => bare.edit(),
      }
    },
  },
  'transaction of 1,000 edits': {
    from: 1_000,
    goals: [{ from: 10_000, ratio: ['one edit', 1.3] }],
    bodies: (scene) => {
      const { stage, input } = scene
      const rules = Array.from({ length: EDITS / 2 }, (_, i) => {
        const at = (i * Math.max(1, Math.floor(stage.count / (EDITS / 2)))) % stage.count
        return parse(stage, ruleLine(stage.family, at))
      })
      const one = parse(stage, ruleLine(stage.family, 0))
      return { ours: () => manyEdits(scene, rules), 'one edit': () => input.replaceRule(one, 0) }
    },
  },
  [reconciling.NAME]: {
    goals: reconciling.GOALS,
    bodies: ({ stage }) => {
      const rules = Array.from({ length: stage.count }, (_, i) => parse(stage, ruleLine(stage.family, i)))
      return reconciling.bodiesOf({ place: stage.place, chains: { INPUT: rules }, parse: (line) => parse(stage, line) })
    },
  },
  save: {
    goals: [{ from: 10_000, ratio: ['legacy', 1.2] }],
    bodies: ({ stage, bare }) => ({
      ours: () => void save({ ...stage.place, tables: ['filter'] }),
      calls: () => bare.read(),
      legacy: () => void stage.run(stage.legacy('save'), ['-t', 'filter']),
    }),
  },
  restore: {
    goals: [{ from: 10_000, ratio: ['legacy', 1] }],
    bodies: ({ stage, bare }) => ({
      ours: () => restore(stage.text, stage.place),
      calls: () => bare.edit(),
      legacy: () => void stage.run(stage.legacy('restore'), [], stage.text),
    }),
  },
  dumpTable: {
    goals: [{ from: 10_000, faster: ['python', 200] }],
    bodies: ({ stage, bare }) => ({
      ours: () => void easy.dumpTable('filter', stage.place),
      calls: () => bare.read(),
      ...pythonBody(stage, 'dump'),
    }),
  },
  'iterate, three fields': {
    goals: [{ from: 10_000, rate: 3e6 }],
    bodies: ({ stage, table, input }) => {
      table.refresh()
      return { ours: () => iterate(input), ...pythonBody(stage, 'iterate') }
    },
  },
  'counters refresh': {
    goals: [],
    bodies: ({ table, input, bare }) => ({
      ours: () => {
        table.refresh()
        input.getCounters()
      },
      calls: () => bare.read(),
    }),
  },
  'longest stall of commitAsync': {
    from: LARGEST,
    goals: [{ from: LARGEST, extraMs: [undefined, 20] }],
    bodies: ({ stage, table, input }) => {
      const rule = parse(stage, ruleLine(stage.family, 0))
      return {
        ours: async () => {
          await table.refreshAsync()
          table.autocommit = false
          input.replaceRule(rule, 0)
          const delay = monitorEventLoopDelay({ resolution: 1 })
          delay.enable()
          await table.commitAsync()
          delay.disable()
          table.autocommit = true
          return delay.max / 1e6
        },
      }
    },
  },
  'xtables iptables -S': command('-S'),
  'xtables iptables -A': {
    ...command(),
    bodies: (scene) => {
      const { stage } = scene
      const tool = stage.legacy('').replace('-legacy', '')
      const undo = () => void stage.run(stage.legacy(''), ['-D', 'INPUT', `${stage.count + 1}`])
      const edit = ['-A', 'INPUT', ...words(ADDED)]
      return {
        ours: undone(() => void stage.run(process.execPath, [COMMAND, tool, ...edit]), undo),
        node: () => void stage.run(process.execPath, ['-e', '0']),
        legacy: undone(() => void stage.run(stage.legacy(''), edit), undo),
      }
    },
  },
}
