/** Answers the calls of the page. */

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { FamilyName } from '../abi/family'
import { parseHex } from '../binary/text'
import type { Place } from '../easy/batch'
import { ConflictError, IptcError } from '../errors'
import { drawingsOf } from '../graph/drawing'
import { chainGraph, type GraphNode } from '../graph/graph'
import { place as layOut } from '../graph/layout'
import { pathOf } from '../graph/svg'
import { lintAll } from '../lint/lint'
import type { Session } from '../lint/lockout'
import { desiredOfText } from '../reconcile/desired-text'
import { diffLines } from '../reconcile/diff'
import type { Plan } from '../reconcile/plan'
import { reconcile } from '../reconcile/reconcile'
import { FamilyRuleset } from '../trace/family-ruleset'
import type { PacketDescription } from '../trace/packet'
import { type Trace, trace } from '../trace/trace'
import { version } from '../version'
import { snapshot } from '../view/snapshot'
import { Refused } from './access-token'
import type { Answers, CallName, DrawnTable, PacketForm, PlanView, Request, TracedWay } from './api'

export interface CallOptions {
  /** Where the tables of a family are. */
  readonly placeOf: (family: FamilyName) => Place
  /** The administrator's own connection, for lint. */
  readonly session: Session | undefined
  readonly mayApply: boolean
  /** Called after a plan has been applied. */
  readonly applied: () => void
}

/** With more rules, lint runs only on request: it compares rules with each other, and blocks the server meanwhile. */
const MANY_RULES = 1000

/** How many of the plans shown last can still be applied. */
const KEPT_PLANS = 32

export type Calls = { readonly [Name in CallName]: (request: Request<Name>) => Answers[Name] }

export function callsOf({ placeOf, session, mayApply, applied }: CallOptions): Calls {
  const plans = new Map<string, Plan>()

  function show(plan: Plan): PlanView {
    const id = randomUUID()
    plans.set(id, plan)
    for (const old of [...plans.keys()].slice(0, -KEPT_PLANS)) plans.delete(old)
    return { id, family: plan.family, lines: diffLines(plan.tables) }
  }

  return {
    about: () => ({ version: version(), host: hostname(), mayApply }),

    findings({ evenOfMany }) {
      const [four, six] = [FamilyRuleset.read(placeOf('ipv4')), FamilyRuleset.read(placeOf('ipv6'))]
      const rules = countRules(four) + countRules(six)
      if (rules > MANY_RULES && !evenOfMany) return { rules }
      return { rules, findings: lintAll(four, six, session) }
    },

    graph: ({ family }) => drawTables(placeOf(family), (): boolean => false),

    trace({ family, packet }) {
      const way = new Shortener().shorten(trace(described(packet), FamilyRuleset.read(placeOf(family))))
      const met = new Set(placesOn(way))
      return { way, drawings: drawTables(placeOf(family), ({ table, chain }) => met.has(`${table} ${chain}`)) }
    },

    plan({ family, desired, owns, jumps }) {
      const twice = jumps.find(({ chain }, i) => jumps.slice(0, i).some((one) => one.chain === chain))
      if (twice !== undefined)
        throw new IptcError('XT_BAD_OPTION', `the place of jumps in ${twice.chain} is given twice`)
      const places = Object.fromEntries(jumps.map(({ chain, place }) => [chain, place]))
      return show(reconcile(desiredOfText(desired, 'what is desired'), { ...placeOf(family), owns, jumps: places }))
    },

    apply({ plan: id }) {
      if (!mayApply)
        throw new Refused(403, 'plans are carried out only where xtables ui was started with --allow-apply')
      const plan = plans.get(id)
      if (plan === undefined)
        throw new ConflictError('XT_PLAN_OUTDATED', 'this plan is no longer stored: make a new one')
      plan.apply()
      plans.delete(id)
      applied()
      return { undo: show(plan.inverse) }
    },
  }
}

const countRules = (read: FamilyRuleset): number =>
  read.tables.reduce(
    (sum, table) => [...(read.table(table)?.chains.values() ?? [])].reduce((all, { rules }) => all + rules.length, sum),
    0,
  )

/** @throws IptcError */
function described({ bytes: digits, ...packet }: PacketForm): PacketDescription {
  if (digits === undefined) return packet
  const bytes = typeof digits === 'string' ? parseHex(digits) : undefined
  if (bytes === undefined)
    throw new IptcError('XT_BAD_PACKET', 'the bytes of a packet are hexadecimal digits, two per byte')
  return { ...packet, bytes }
}

/** The maximum number of rules in the answer that the packet does not match, on all paths together. */
const MOST_FAILED = 500

class Shortener {
  #room = MOST_FAILED

  shorten({ steps, verdict, fork }: Trace): TracedWay {
    const told = steps.filter((step) => step.kind !== 'rule' || step.matches !== false || this.#room-- > 0)
    return {
      ...{ steps: told, left: steps.length - told.length },
      ...(verdict && { verdict }),
      ...(fork && {
        fork: {
          decides: fork.decides,
          ...(fork.rule && { rule: fork.rule }),
          ...{ yes: this.shorten(fork.yes), no: this.shorten(fork.no) },
        },
      }),
    }
  }
}

/** The tables and chains that a packet may come to, on all paths. */
function* placesOn({ steps, fork }: TracedWay): Generator<string> {
  for (const step of steps) if (step.kind !== 'translated') yield `${step.table} ${step.chain}`
  if (fork === undefined) return
  yield* placesOn(fork.yes)
  yield* placesOn(fork.no)
}

/** The maximum number of chains drawn per table. More would take too long to lay out, and be unreadable. */
const MOST_CHAINS = 150

/** @param isMet selects the chains that are drawn first if there are too many */
function drawTables(place: Place, isMet: (node: GraphNode) => boolean): DrawnTable[] {
  const { nodes, edges } = chainGraph(snapshot(place))
  const inTable = (name: string): GraphNode[] => nodes.filter(({ table }) => table === name)
  const drawn = [...new Set(nodes.map(({ table }) => table))].map((table) => {
    const rank = (node: GraphNode): number => (isMet(node) ? 0 : node.policy !== undefined ? 1 : 2)
    const chains = inTable(table)
    return chains.length <= MOST_CHAINS ? chains : chains.sort((a, b) => rank(a) - rank(b)).slice(0, MOST_CHAINS)
  })
  return drawingsOf({ nodes: drawn.flat(), edges }).map((drawing) => {
    const { arrows, ...rest } = layOut(drawing)
    const left = inTable(drawing.table).length - drawing.boxes.length
    return { ...rest, left, arrows: arrows.map(({ points, ...arrow }) => ({ ...arrow, path: pathOf(points) })) }
  })
}
