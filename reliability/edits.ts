/**
 * Edits as data, in the words of iptables: a writer carries them out in its own way, and a ledger knows what must stand
 * in the tables for it at the end.
 */
import type { FamilyName } from '../src/index'

/** A table that the writers edit. */
export interface Place {
  readonly family: FamilyName
  readonly table: string
}

/** Both families, and two tables of each: all of them under one lock. */
export const PLACES: readonly Place[] = [
  { family: 'ipv4', table: 'filter' },
  { family: 'ipv6', table: 'filter' },
  { family: 'ipv4', table: 'mangle' },
  { family: 'ipv6', table: 'mangle' },
]

export interface Edit {
  readonly command: '-A' | '-I' | '-D' | '-N' | '-E' | '-X' | '-P'
  readonly chain: string
  /** A rule, another name, or a policy. */
  readonly rest: string
}

/** A rule that no other writer has, and that is unlike all others in more than its comment. `n` is 1 or more. */
export const ruleText = (writer: string, n: number, target: string): string =>
  `-p tcp -m tcp --dport ${n % 65536} -m comment --comment ${writer}-${n} -j ${target}`

/** Who wrote a rule, and what it has counted: as if so many packets of 1,000 bytes had met it. */
export function originOf(rule: string): { writer: string; counters: readonly [number, number] } {
  const [, writer, n] = /--comment (\w+)-(\d+)/.exec(rule) ?? []
  if (writer === undefined) throw new Error(`nobody wrote ${rule}`)
  return { writer, counters: [Number(n), 1000 * Number(n)] }
}

/** An edit as a line of iptables-restore, or the words of a command. */
export function commandText({ command, chain, rest }: Edit): string {
  const isNew = command === '-A' || command === '-I'
  const counters = isNew ? ` -c ${originOf(rest).counters.join(' ')}` : ''
  return `${command} ${chain}${counters} ${rest}`.trimEnd()
}

/** What one writer must find in one table: of the chain that all share its own rules, and chains of its own. */
export interface Ledger {
  readonly chains: Record<string, string[]>
  readonly policies: Record<string, string>
}

type Book = (ledger: Ledger, chain: string, rest: string) => unknown

const rulesOf = ({ chains }: Ledger, chain: string): string[] => chains[chain] as string[]

const BOOKS: Readonly<Record<Edit['command'], Book>> = {
  '-A': (ledger, chain, rule) => rulesOf(ledger, chain).push(rule),
  '-I': (ledger, chain, rule) => rulesOf(ledger, chain).unshift(rule),
  '-D': (ledger, chain, rule) => rulesOf(ledger, chain).splice(rulesOf(ledger, chain).indexOf(rule), 1),
  '-N': ({ chains }, chain) => Object.assign(chains, { [chain]: [] }),
  '-X': ({ chains }, chain) => Reflect.deleteProperty(chains, chain),
  '-E': ({ chains }, chain, name) => {
    chains[name] = rulesOf({ chains, policies: {} }, chain)
    Reflect.deleteProperty(chains, chain)
    // Jumps go on leading to it.
    for (const rules of Object.values(chains))
      for (const [i, rule] of rules.entries()) if (rule.endsWith(`-j ${chain}`)) rules[i] = rule.replace(chain, name)
  },
  '-P': ({ policies }, chain, policy) => Object.assign(policies, { [chain]: policy }),
}

/** Enters what an edit makes of the tables. */
export const enter = (ledger: Ledger, { command, chain, rest }: Edit): void => void BOOKS[command](ledger, chain, rest)
