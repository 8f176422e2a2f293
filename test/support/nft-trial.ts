/**
 * Tests one group of rule lines in nf_tables of the running kernel, and compares with iptables-nft. Each trial creates
 * its own network namespaces and returns descriptions of failures.
 */

import { kernelSets } from '../../src/backend/sets'
import { decodeEntry } from '../../src/easy/decode'
import { encodeDictionary } from '../../src/easy/encode'
import type { Context } from '../../src/extensions/context'
import { type AnyTable, Chain, IptcError, Table, Table6 } from '../../src/index'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { printEntry } from '../../src/language/print-entry'
import { canonicalRule } from '../../src/nft/rule'
import { sameRule } from '../../src/ruleset/equal'
import { type Case, ruleLine, splitLine } from './cases'
import { explained } from './deviations'
import { nftListed } from './nft-deviations'
import { nftListing, nftRestore, nftRestoreText, nftRules, prepareNft, shownExpressions } from './nft-oracle'
import { refusedOf } from './oracle'
import { parse, tryRule } from './rules'

const openNft = ({ family, table }: Case): AnyTable =>
  family.name === 'ipv4' ? new Table(table, { backend: 'nft' }) : new Table6(table, { backend: 'nft' })

/** Runs `body` in a namespace with the objects that the group needs. */
function within<T>(one: Case, body: () => T): T {
  using namespace = NetworkNamespace.create()
  return namespace.run(() => {
    prepareNft(one)
    return body()
  })
}

/** Lines for which both must write the same rule. Refused lines are tested separately. */
const comparable = (one: Case): readonly string[] =>
  one.accepted.filter((line) => !explained('refused', line) && !explained('bytes', line))

/** The rules of a table, and the text that the tool prints for them, by chain. */
interface Written {
  readonly rules: ReadonlyMap<string, readonly string[]>
  readonly texts: ReadonlyMap<string, readonly string[]>
}

const written = ({ family, table }: Case): Written => ({
  rules: new Map(
    [...nftRules(family, table)].map(([chain, rules]) => [
      chain,
      rules.map(({ expressions }) => shownExpressions(expressions)),
    ]),
  ),
  texts: nftListing(family, table),
})

const taken = new WeakMap<Case, readonly string[]>()

/** The lines that the tool accepts. */
function takenByTool(one: Case): readonly string[] {
  const known = taken.get(one)
  if (known !== undefined) return known
  const lines = within(one, () => {
    const refused = refusedOf((text) => nftRestoreText(one.family, text), one.table, comparable(one))
    return comparable(one).filter((line) => !refused.has(line))
  })
  taken.set(one, lines)
  return lines
}

/** We write the same rule as the tool, which lists it as its own and deletes it by the same specification. */
export function tryNftWriting(one: Case): string[] {
  const lines = takenByTool(one)
  const theirs = within(one, () => {
    nftRestore(one.family, one.table, lines)
    return written(one)
  })
  return within(one, () => {
    using table = openNft(one)
    table.transaction(() => {
      for (const line of lines) {
        const { chain, rule } = ruleLine(line)
        new Chain(table, chain).appendRule(parse(one.family, rule))
      }
    })
    return [...compared(one, lines, written(one), theirs), ...deletedByTool(one, lines)]
  })
}

/** Lines by the chain that they append to. */
function byChain(lines: readonly string[]): Map<string, string[]> {
  const chains = new Map<string, string[]>()
  for (const line of lines) {
    const { chain } = ruleLine(line)
    chains.set(chain, [...(chains.get(chain) ?? []), line])
  }
  return chains
}

function compared(one: Case, lines: readonly string[], ours: Written, theirs: Written): string[] {
  return [...byChain(lines)].flatMap(([chain, made]) =>
    made.flatMap((line, i) => {
      const at = i - made.length
      const differ = (what: 'rules' | 'texts') => ours[what].get(chain)?.at(at) !== theirs[what].get(chain)?.at(at)
      const told = (what: 'rules' | 'texts') =>
        `${line}\n  ours   ${ours[what].get(chain)?.at(at)}\n  theirs ${theirs[what].get(chain)?.at(at)}`
      if (nftListed('expressions', line, one.family)) return []
      return [...(differ('rules') ? [told('rules')] : []), ...(differ('texts') ? [told('texts')] : [])]
    }),
  )
}

/** The tool does not accept counters when a rule is deleted. */
const COUNTERS = /(?: -c|--set-counters) /

function deletedByTool(one: Case, lines: readonly string[]): string[] {
  const mine = lines.filter((line) => !nftListed('expressions', line, one.family) && !COUNTERS.test(line))
  const { status, stderr } = nftRestore(
    one.family,
    one.table,
    mine.map((line) => line.replace(/^(?:-A|--append) /, '-D ')),
  )
  if (status === 0) return []
  return [`the tool does not delete what we wrote: ${stderr.split('\n')[0]}`]
}

/** We read the tool's rule as the same text, dictionary and object, and delete it by specification. */
export function tryNftReading(one: Case): string[] {
  const lines = takenByTool(one)
  return within(one, () => {
    nftRestore(one.family, one.table, lines)
    using table = openNft(one)
    const client = new Client(new LinuxKernel(), one.family)
    const context = { family: one.family, sets: kernelSets(client) }
    const found = [...readAmiss(one, lines, table, context), ...deletedByUs(one, lines, table)]
    client.close()
    return found
  })
}

function readAmiss(one: Case, lines: readonly string[], table: AnyTable, context: Context): string[] {
  const { family } = one
  const texts = nftListing(family, one.table)
  return [...byChain(lines)].flatMap(([chain, made]) => {
    const rules = [...table.chainData(chain).rules].slice(-made.length)
    return made.flatMap((line, i) => {
      const entry = rules[i]
      if (entry === undefined) return [`not there: ${line}`]
      const text = printEntry(entry, context)
      const saved = texts.get(chain)?.at(i - made.length)
      const isKnown = explained('text', line) !== undefined || nftListed('text', line, family)
      const wrong = text === saved || isKnown ? [] : [`${line}\n  read as ${text}\n  by the tool as ${saved}`]
      const again = encodeDictionary(decodeEntry(entry, context), context)
      if (!sameRule(family, again, entry)) wrong.push(`as a dictionary another: ${line}`)
      if (!sameRule(family, canonicalRule(family, parse(family, text).entryFor(context)), entry))
        wrong.push(`printed and read another: ${line}`)
      return wrong
    })
  })
}

function deletedByUs(one: Case, lines: readonly string[], table: AnyTable): string[] {
  return lines.flatMap((line) => {
    const { chain, rule } = ruleLine(line)
    if (nftListed('expressions', line, one.family)) return []
    try {
      new Chain(table, chain).deleteRule(parse(one.family, rule))
      return []
    } catch (error) {
      return [`not deleted: ${line}: ${(error as Error).message}`]
    }
  })
}

/** Lines that the tool refuses are refused by us, and leave the table unchanged. */
export function tryNftRefused(one: Case): string[] {
  return within(one, () => {
    using table = openNft(one)
    const before = JSON.stringify([...written(one).rules])
    const found = one.refused.flatMap((line) => {
      const split = splitLine(line)
      if (split === undefined || explained('accepted', line) || nftListed('accepted', line, one.family)) return []
      if (tryRule(table, one.family, split) instanceof IptcError) return []
      return isTakenByTool(one, line) ? [] : [`accepted: ${line}`]
    })
    return JSON.stringify([...written(one).rules]) === before ? found : [...found, 'the table is not as it was']
  })
}

/** nf_tables does not check everything that ip_tables checks. */
const isTakenByTool = (one: Case, line: string): boolean =>
  within(one, () => nftRestore(one.family, one.table, [line]).status === 0)

const TRIALS = [tryNftWriting, tryNftReading, tryNftRefused]

function attempt(trial: (one: Case) => string[], one: Case): string[] {
  try {
    return trial(one)
  } catch (error) {
    return [String((error as Error).stack)]
  }
}

/** Runs all trials of a group. */
export const tryAllNft = (one: Case): string[] =>
  TRIALS.flatMap((trial) => attempt(trial, one)).map((fault) => `${one.family.name} ${one.name}: ${fault}`)
