/** Rule lines against iptables-legacy, as `npm run conformance` tries them. A part is one group of lines. */
import { type Case, cases } from '../../test/support/cases'
import { liveCases } from '../../test/support/here'
import { tryAll } from '../../test/support/trial'
import type { Outcome, Parts, Wanted } from '../results'

/** One accepted and one refused line of each extension, the accepted one from where the kernel has it. */
function sample(groups: readonly Case[]): Case[] {
  const first = new Map<string, Case>()
  const inOrder = [...groups].sort((one, other) => Number(weight(other)) - Number(weight(one)))
  for (const one of inOrder) if (!first.has(one.extension)) first.set(one.extension, one)
  return [...first.values()].map((one) => ({
    ...one,
    accepted: one.accepted.slice(0, 1),
    refused: one.refused.slice(0, 1),
  }))
}

const weight = (one: Case): number =>
  (liveCases.includes(one) ? 4 : 0) + (one.accepted.length > 0 ? 2 : 0) + (one.refused.length > 0 ? 1 : 0)

const nameOf = (one: Case): string => `${one.family.name} ${one.name}`

function tryGroup(one: Case, here: ReadonlySet<string>): Outcome {
  const lines = one.accepted.length + one.refused.length
  if (!here.has(nameOf(one))) {
    const note = `skipped ${nameOf(one)}: this kernel has not what it needs; ${lines} lines`
    return { passed: 0, failed: 0, skipped: lines, notes: [note] }
  }
  const faults = tryAll(one)
  const notes = faults.map((fault) => `${one.family.name} ${fault}`)
  return { passed: Math.max(0, lines - faults.length), failed: faults.length, notes }
}

export function conformance({ scope, extensions }: Wanted): Parts {
  const here = new Set(liveCases.map(nameOf))
  const wanted = cases.filter(({ extension }) => extensions === undefined || extensions.includes(extension))
  return (scope === 'sample' ? sample(wanted) : wanted).map((one) => () => tryGroup(one, here))
}
