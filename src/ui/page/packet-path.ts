/** One path of a traced packet: at each fork, one side is chosen. */
import type { RuleStep, TraceStep } from '../../trace/trace'
import type { TracedFork, TracedWay } from '../api'

export type Side = 'yes' | 'no'

export class PacketPath {
  readonly steps: readonly TraceStep[]
  /** The forks on the path, in order. */
  readonly forks: readonly TracedFork[]
  /** The rules that the packet matches. */
  readonly met: readonly RuleStep[]
  /** The number of rules that the packet does not match and that are left out of the steps. */
  readonly left: number
  readonly verdict: string

  /** @param sides the side to take at each fork; default: yes */
  constructor(traced: TracedWay, sides: readonly Side[]) {
    const ways: TracedWay[] = [traced]
    const forks: TracedFork[] = []
    for (let { fork } = traced; fork !== undefined; ) {
      const next = fork[sides[forks.length] ?? 'yes']
      forks.push(fork)
      ways.push(next)
      fork = next.fork
    }
    this.forks = forks
    this.steps = ways.flatMap(({ steps }) => steps)
    this.met = this.steps.filter((step): step is RuleStep => step.kind === 'rule' && step.matches === true)
    this.left = ways.reduce((sum, { left }) => sum + left, 0)
    this.verdict = ways.at(-1)?.verdict ?? 'undecided'
  }

  /** Whether the packet matches a rule. @param position from 0 */
  takes(table: string, chain: string, position: number): boolean {
    return this.met.some((one) => one.table === table && one.chain === chain && one.position === position)
  }

  comesTo(table: string, chain: string): boolean {
    return this.steps.some((step) => step.kind !== 'translated' && step.table === table && step.chain === chain)
  }

  /** The verdict, if the path ends in this chain. */
  endIn(table: string, chain: string): string | undefined {
    const last = this.steps.findLast((step) => step.kind !== 'translated')
    return last?.table === table && last.chain === chain ? this.verdict : undefined
  }
}

/** All possible verdicts. */
export function endsOf({ verdict, fork }: TracedWay): Set<string> {
  return fork === undefined ? new Set([verdict ?? 'undecided']) : new Set([...endsOf(fork.yes), ...endsOf(fork.no)])
}
