/** What may become of a packet, whichever way it goes. */
import type { Trace, TraceVerdict } from '../trace/trace'

/** 'undecided' where not all ways were followed. */
export function verdictsOf({ verdict, fork }: Trace): Set<TraceVerdict | 'undecided'> {
  if (fork !== undefined) return new Set([...verdictsOf(fork.yes), ...verdictsOf(fork.no)])
  return new Set([verdict ?? 'undecided'])
}
