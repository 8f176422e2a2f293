/** The possible verdicts for a packet on all paths. */
import type { Trace, TraceVerdict } from '../trace/trace'

/** 'undecided' if not all paths were followed. */
export function verdictsOf({ verdict, fork }: Trace): Set<TraceVerdict | 'undecided'> {
  if (fork !== undefined) return new Set([...verdictsOf(fork.yes), ...verdictsOf(fork.no)])
  return new Set([verdict ?? 'undecided'])
}
