/** A rule of each extension through the kernel and back, where there is no iptables to compare with. */
import { Chain, LinuxKernel, NetworkNamespace } from '../../src/index'
import type { Case } from '../../test/support/cases'
import { ruleLine } from '../../test/support/cases'
import { explained } from '../../test/support/deviations'
import { liveCases } from '../../test/support/here'
import { open, parse } from '../../test/support/rules'
import type { Outcome, Parts } from '../results'

/** The first line of each extension and family that refers to nothing that another program makes. */
function firstLines(): Map<string, readonly [Case, string]> {
  const found = new Map<string, readonly [Case, string]>()
  for (const one of liveCases) {
    const line = one.accepted.find((accepted) => explained('refused', accepted) === undefined)
    const name = `${one.extension} ${one.family.name}`
    if (line !== undefined && one.setup.length === 0 && !found.has(name)) found.set(name, [one, line])
  }
  return found
}

/** Writes a rule and reads it from a new handle. */
function roundTrip(one: Case, line: string): { written: string; read: string } {
  const { chain, rule } = ruleLine(line)
  const written = parse(one.family, rule)
  {
    using table = open(one, new LinuxKernel())
    new Chain(table, chain).appendRule(written)
  }
  using table = open(one, new LinuxKernel())
  return { written: `${written}`, read: `${new Chain(table, chain).rules.at(-1)}` }
}

function tryRule([one, line]: readonly [Case, string]): Outcome {
  using namespace = NetworkNamespace.create()
  const { written, read } = namespace.run(() => roundTrip(one, line))
  if (written === read) return { passed: 1, failed: 0 }
  return { passed: 0, failed: 1, notes: [`${one.family.name} ${one.name}: wrote ${written}, read ${read}`] }
}

export const rules = (): Parts =>
  [...firstLines()].map(([name, found]) => () => {
    try {
      return tryRule(found)
    } catch (error) {
      return { passed: 0, failed: 1, notes: [`${name}: ${error}`] }
    }
  })
