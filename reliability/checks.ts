/** The checks, with how large they are in the whole run and in the one that belongs to the tests. */
import { counters } from './counters'
import { endurance } from './endurance'
import { faults } from './faults'
import { kills } from './kills'
import { namespaces } from './namespaces'
import { writers } from './writers'

export interface Check {
  /** @returns the figures, in a line. @throws where something does not hold */
  readonly run: (scale: number) => Promise<string>
  /** Of what there are `whole`, or in the tests `small`. */
  readonly unit: string
  readonly whole: number
  readonly small: number
}

export const CHECKS: Readonly<Record<string, Check>> = {
  writers: { run: writers, unit: 'seconds', whole: 60, small: 3 },
  counters: { run: counters, unit: 'edits', whole: 5000, small: 200 },
  kills: { run: kills, unit: 'kills', whole: 1000, small: 6 },
  faults: { run: faults, unit: 'ways', whole: 3, small: 1 },
  endurance: { run: endurance, unit: 'operations', whole: 1_000_000, small: 3000 },
  namespaces: { run: namespaces, unit: 'namespaces', whole: 2000, small: 40 },
}
