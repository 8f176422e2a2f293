/**
 * Tests one group of rule lines in the running kernel, and compares with iptables-legacy, in this process's network
 * namespace. Each trial returns descriptions of failures.
 */

import type { Family } from '../../src/abi/family'
import { replace } from '../../src/abi/x-tables'
import { kernelSets } from '../../src/backend/sets'
import { type AnyTable, Chain, IptcError, KernelError, RuleError } from '../../src/index'
import { captureTable } from '../../src/kernel/capture'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { sameRule } from '../../src/ruleset/equal'
import { ourRestore } from './applets'
import { tableIn } from './bytes'
import { type Case, ruleLine, splitLine } from './cases'
import { differences, type Written } from './conformance'
import { explained } from './deviations'
import { contextOf, type Fixture, writtenRules } from './fixtures'
import { unfaithful } from './lossless'
import { listing, makeObjects, must, prepare, restoreEach, setupText } from './oracle'
import { open, parse, tryRule } from './rules'
import { WatchedKernel } from './watched-kernel'

/** The current table as a fixture. */
const capture = ({ name, extension, family, table }: Case, lines: readonly string[]): Fixture => ({
  name,
  extension,
  writtenBy: '',
  lines,
  listing: listing(family, table),
  shown: [],
  capture: captureTable(new LinuxKernel(), family.name, table),
})

/** The accepted lines of a group, as iptables-legacy wrote them last. */
const readBefore = new WeakMap<Case, Fixture>()

/** Empties the table with our own command, which needs no process. {@link tryWriting} tests what it writes. */
function begin(one: Case): void {
  makeObjects(one)
  must(ourRestore(one.family.name, [], setupText(one)), `emptying ${one.table}`)
}

function ask<T>(family: Family, question: (client: Client) => T): T {
  const client = new Client(new LinuxKernel(), family)
  try {
    return question(client)
  } finally {
    client.close()
  }
}

/** The rules of the table as bytes. */
const entries = ({ family, table }: Case): Uint8Array => tableIn(new LinuxKernel(), family.name, table).bytes.slice()

const areSame = (before: Uint8Array, after: Uint8Array): boolean => Buffer.compare(before, after) === 0

/** The accepted lines that iptables-legacy refuses, alone or after those before it. */
function refusedAlone(one: Case): string[] {
  prepare(one)
  const outcomes = restoreEach(one.family, one.table, one.accepted)
  return one.accepted.filter((_, i) => outcomes[i]?.status !== 0)
}

/**
 * The rules that iptables-legacy writes equal ours, are printed in the same way, and are understood: see {@link
 * differences}.
 */
export function tryReading(one: Case): string[] {
  const { status, stderr } = prepare(one, one.accepted)
  if (status !== 0)
    return [stderr, ...refusedAlone(one)].map((line) => `iptables-legacy refuses what it should accept: ${line}`)
  const fixture = capture(one, one.accepted)
  readBefore.set(one, fixture)
  return writtenRules(fixture).flatMap((written) => differences(written, contextOf(fixture)))
}

/**
 * As {@link tryReading}, for generated lines. If our text differs, iptables-legacy must create the same rule from it,
 * and must not be able to do so from its own text.
 */
export function tryGenerated(one: Case): string[] {
  must(prepare(one, one.accepted), one.name)
  const fixture = capture(one, one.accepted)
  const context = contextOf(fixture)
  const isSame = (text: string, { line, entry }: Written): boolean => {
    const { status } = prepare(one, [`-A ${ruleLine(line).chain} ${text}`])
    if (status !== 0) return false
    const [again] = writtenRules(capture(one, [line]))
    return again !== undefined && sameRule(one.family, again.entry, entry)
  }
  return writtenRules(fixture).flatMap((written) =>
    differences(written, context, (ours, theirs) => isSame(ours, written) && !isSame(theirs, written)),
  )
}

/** The table with these lines, as iptables-legacy writes it. */
function writtenByTool(one: Case, lines: readonly string[]): Fixture {
  const before = readBefore.get(one)
  if (before?.lines.length === lines.length) return before
  must(prepare(one, lines), one.name)
  return capture(one, lines)
}

/**
 * The rules that we write equal those of iptables-legacy, which lists them as its own. The kernel returns all of their
 * bytes, also after they were written back.
 */
export function tryWriting(one: Case): string[] {
  const same = one.accepted.filter((line) => !explained('refused', line) && !explained('bytes', line))
  const theirs = writtenByTool(one, same)
  begin(one)
  const kernel = new WatchedKernel()
  using table = open(one, kernel)
  table.transaction(() => {
    for (const line of same) {
      const { chain, rule } = ruleLine(line)
      new Chain(table, chain).appendRule(parse(one.family, rule))
    }
  })
  const ours = listing(one.family, one.table)
  return [
    ...ours.flatMap((line, i) => (line === theirs.listing[i] ? [] : [`listed as ${line}, not ${theirs.listing[i]}`])),
    ...(areSame(entries(one), theirs.capture.entries) ? [] : ['other bytes in the kernel']),
    ...kernel.sent.slice(-1).flatMap((sent) => tryWritingBack(one, table, sent.subarray(replace.size))),
  ]
}

/**
 * Writes rules back, as every edit does with rules that it does not change. Rules that cannot be written back must be
 * refused.
 */
function tryWritingBack(one: Case, table: AnyTable, given: Uint8Array): string[] {
  const handed = entries(one)
  const changes = (before: Uint8Array, after: Uint8Array): string[] =>
    ask(one.family, (client) => unfaithful({ family: one.family, sets: kernelSets(client) }, before, after))
  const found = changes(given, handed)
  try {
    const chain = new Chain(table, 'OUTPUT')
    chain.appendRule(parse(one.family, '-o eth0'))
    chain.deleteRule(chain.rules.length - 1)
  } catch (error) {
    const isDeclared = error instanceof RuleError && error.message.includes('cannot be written back')
    return isDeclared ? found : [...found, `cannot be written back: ${error}`]
  }
  return [...found, ...changes(handed, entries(one)).map((change) => `written back: ${change}`)]
}

/**
 * Lines that iptables-legacy refuses are refused by us before the kernel is called. If only the kernel can judge them,
 * the error names the parameter. The table is unchanged.
 */
export function tryRefused(one: Case): string[] {
  if (one.refused.length === 0) return []
  begin(one)
  const before = entries(one)
  const kernel = new WatchedKernel()
  using table = open(one, kernel)
  const found = one.refused.flatMap((line) => {
    const split = splitLine(line)
    if (split === undefined || explained('accepted', line)) return []
    kernel.sent.length = 0
    const outcome = tryRule(table, one.family, split)
    if (!(outcome instanceof IptcError)) return [`accepted: ${line}`]
    return kernel.sent.length === 0 ? [] : unexplained(line, outcome)
  })
  return areSame(entries(one), before) ? found : [...found, 'the table is not as it was']
}

/**
 * Checks deviations that say that only we refuse or accept lines. A deviation must not be broader than its description.
 */
export function tryDeviations(one: Case): string[] {
  const declared = (what: 'refused' | 'accepted', lines: readonly string[]) =>
    lines.map((line) => ({ what, line, why: explained(what, line)?.why })).filter(({ why }) => why !== undefined)
  const all = [...declared('refused', one.accepted), ...declared('accepted', one.refused)]
  if (all.length === 0) return []
  begin(one)
  using table = open(one, new LinuxKernel())
  const wrong = all.filter(({ what, line }) => {
    const isRefused = tryRule(table, one.family, ruleLine(line)) instanceof IptcError
    return isRefused !== (what === 'refused')
  })
  return wrong.map(({ what, line, why }) => `not ${what}, as is said (${why}): ${line}`)
}

/** Whether iptables-legacy itself refuses lines that it should. */
export function tryOracle(one: Case, lines = one.refused): string[] {
  if (lines.length === 0) return []
  prepare(one)
  const outcomes = restoreEach(one.family, one.table, lines)
  return lines.filter((_, i) => outcomes[i]?.status === 0).map((line) => `iptables-legacy accepts: ${line}`)
}

/** Lines that the kernel may refuse because of either of two parameters. */
const AMBIGUOUS: readonly { readonly lines: RegExp; readonly why: string }[] = [
  {
    lines: /--rateest1 .*--rateest2 |--rateest2 .*--rateest1 /,
    why: 'either of two estimators may be the one that is missing',
  },
]

/** What is missing in an error of the kernel that must name a parameter that only the kernel can judge. */
function unexplained(line: string, error: IptcError): string[] {
  const isBlamed = error instanceof RuleError && error.cause instanceof KernelError && error.position !== undefined
  if (!isBlamed || error.extension === undefined) return [`only the kernel refuses: ${line}: ${error.message}`]
  const isAmbiguous = AMBIGUOUS.some(({ lines }) => lines.test(line))
  if ((error.parameter === undefined) === isAmbiguous) return []
  return [`${isAmbiguous ? 'ambiguous no longer' : 'refused for no parameter'}: ${line}: ${error.message}`]
}

const TRIALS = [tryOracle, tryReading, tryWriting, tryRefused, tryDeviations]

/** An error in a trial is reported as a failure, so that the other trials of the group still run. */
function attempt(trial: (one: Case) => string[], one: Case): string[] {
  try {
    return trial(one)
  } catch (error) {
    return [String(error)]
  }
}

/** Runs all trials of a group in a new network namespace. */
export function tryAll(one: Case): string[] {
  using namespace = NetworkNamespace.create()
  return namespace.run(() => TRIALS.flatMap((trial) => attempt(trial, one))).map((fault) => `${one.name}: ${fault}`)
}
