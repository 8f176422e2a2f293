/** One path of a traced packet: at each fork, one side is chosen. */
import type { RuleStep, TraceStep } from '../../trace/trace'
import type { TracedFork, TracedWay } from '../api'

export type Side = 'yes' | 'no'

export class PacketPath {
  readonly steps: readonly TraceStep[]
  /** The forks that it comes to, in order. */
  readonly forks: readonly TracedFork[]
  /** The rules that the packet meets. */
  readonly met: readonly RuleStep[]
  /** How many rules that the packet fails are left out of the steps. */
  readonly left: number
  readonly verdict: string

  /** @param sides at forks; yes where none is given */
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

  /** Whether the packet meets a rule. @param position from 0 */
  takes(table: string, chain: string, position: number): boolean {
    return this.met.some((one) => one.table === table && one.chain === chain && one.position === position)
  }

  comesTo(table: string, chain: string): boolean {
    return this.steps.some((step) => step.kind !== 'translated' && step.table === table && step.chain === chain)
  }

  /** The verdict, of the chain in which the packet ends. */
  endIn(table: string, chain: string): string | undefined {
    const last = this.steps.findLast((step) => step.kind !== 'translated')
    return last?.table === table && last.chain === chain ? this.verdict : undefined
  }
}

/** All that may become of the packet. */
export function endsOf({ verdict, fork }: TracedWay): Set<string> {
  return fork === undefined ? new Set([verdict ?? 'undecided']) : new Set([...endsOf(fork.yes), ...endsOf(fork.no)])
}
