/** Runs iptables-nft and related tools in this process's network namespace. */
import type { Family } from '../../src/abi/family'
import { FAMILIES } from '../../src/abi/family'
import { NETLINK_NETFILTER } from '../../src/abi/netlink'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import type { Encoded } from '../../src/netlink/attribute'
import { NetlinkClient } from '../../src/netlink/client'
import { nfHead, readMessage, request } from '../../src/netlink/message'
import { expressionList } from '../../src/nft/expressions'
import { messages, type RuleValues } from '../../src/nft/messages'
import { type Case, ruleLine } from './cases'
import type { NftFixture } from './nft-fixtures'
import { tableText } from './oracle'
import { type Outcome, run } from './run-program'

export const nftCommand = ({ name }: Family): string => (name === 'ipv4' ? 'iptables-nft' : 'ip6tables-nft')

/** The first line of `iptables-nft -V`. Undefined if it is not installed. */
export function nftVersion(): string | undefined {
  try {
    return run('iptables-nft', ['-V']).stdout.trim()
  } catch {
    return undefined
  }
}

/** Runs iptables-nft-restore, which keeps the rules of the tables. */
export const nftRestoreText = (family: Family, text: string, ...options: string[]): Outcome =>
  run(`${nftCommand(family)}-restore`, ['-n', ...options], text)

export const nftRestore = (family: Family, table: string, lines: readonly string[], ...options: string[]): Outcome =>
  nftRestoreText(family, tableText(table, lines), ...options)

/** The output of `-S` by chain, without `-A CHAIN`. Comments may contain line breaks. */
export function nftListing(family: Family, table: string): Map<string, string[]> {
  const { stdout } = run(nftCommand(family), ['-t', table, '-S'])
  const chains = new Map<string, string[]>()
  for (const line of stdout.split(/\n(?=-[PNA] )/)) {
    const [, chain, rule] = /^-A (\S+) ?(.*)$/s.exec(line.replace(/\n$/, '')) ?? []
    if (chain !== undefined && rule !== undefined) chains.set(chain, [...(chains.get(chain) ?? []), rule])
  }
  return chains
}

/** The rules of a table, as the kernel returns them, by chain. */
export function nftRules(family: Family, table: string): Map<string, RuleValues[]> {
  const client = new NetlinkClient(new LinuxKernel(), NETLINK_NETFILTER)
  const chains = new Map<string, RuleValues[]>()
  for (const message of client.dumpAll(request(messages.getRule, 0, nfHead(family.domain), { table }))) {
    const { values } = readMessage(messages.newRule, message)
    const { chain = '' } = values
    chains.set(chain, [...(chains.get(chain) ?? []), values])
  }
  client.close()
  return chains
}

const MAKERS = ['ipset', 'nfacct']

/** Creates the objects that a group needs. Must run in a new namespace. */
export function prepareNft({ family, table, setup }: Case): void {
  for (const line of setup) {
    const words = line.split(/\s+/)
    const [program = '', ...args] = MAKERS.includes(words[0] as string)
      ? words
      : [nftCommand(family), '-t', table, ...words]
    const { status, stderr } = run(program, args)
    if (status !== 0) throw new Error(`${line}: ${stderr}`)
  }
}

export interface WrittenByNft extends Pick<NftFixture, 'rules' | 'refused'> {
  readonly sets: NftFixture['sets']
}

/** The ipsets of the namespace. Undefined if there are none. */
function setsHere(): NftFixture['sets'] {
  const client = new Client(new LinuxKernel(), FAMILIES.ipv4)
  const sets = client.sets()
  client.close()
  return sets.size === 0 ? undefined : Object.fromEntries(sets)
}

/** The rules that iptables-nft writes for the accepted lines of a group. Must run in a new namespace. */
export function writtenByNft(one: Case): WrittenByNft {
  const { family, table, accepted } = one
  prepareNft(one)
  const refused: { line: string; stderr: string }[] = []
  const taken =
    nftRestore(family, table, accepted).status === 0
      ? accepted
      : accepted.filter((line) => {
          const { status, stderr } = nftRestore(family, table, [line])
          if (status !== 0) refused.push({ line, stderr })
          return status === 0
        })
  const [saved, rules] = [nftListing(family, table), nftRules(family, table)]
  const left = new Map<string, number>()
  for (const line of taken) left.set(ruleLine(line).chain, (left.get(ruleLine(line).chain) ?? 0) + 1)
  return {
    refused,
    sets: setsHere(),
    rules: taken.map((line) => {
      const { chain } = ruleLine(line)
      const fromEnd = left.get(chain) as number
      left.set(chain, fromEnd - 1)
      const { expressions } = rules.get(chain)?.at(-fromEnd) ?? {}
      const text = saved.get(chain)?.at(-fromEnd)
      if (text === undefined) throw new Error(`${one.name}: no rule for ${line}`)
      const bytes = expressions?.bytes.slice(expressions.at, expressions.end) ?? new Uint8Array()
      return { line, saved: text, expressions: bytes }
    }),
  }
}

/** Expressions as text that shows all differences. The order of attributes in an expression is ignored. */
export function shownExpressions(encoded: Encoded | undefined): string {
  const values = encoded === undefined ? [] : expressionList.read(encoded.bytes, encoded.at, encoded.end)
  return JSON.stringify(values, (_, value) => {
    if (typeof value === 'bigint') return String(value)
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
    if (value?.bytes instanceof Uint8Array)
      return Buffer.from(value.bytes.subarray(value.at, value.end)).toString('hex')
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
  })
}
