/** Runs iptables-translate and nft in this process's network namespace. */
import type { Family } from '../../src/abi/family'
import { splitWords } from '../../src/language/quoting'
import type { Case } from './cases'
import type { Translated } from './native-fixtures'
import { nftCommand, nftRules, prepareNft } from './nft-oracle'
import { type Outcome, run } from './run-program'

export const translateCommand = ({ name }: Family): string =>
  name === 'ipv4' ? 'iptables-translate' : 'ip6tables-translate'

export const nftFamily = ({ name }: Family): string => (name === 'ipv4' ? 'ip' : 'ip6')

/** The first lines of `iptables-translate -V` and `nft -v`. Undefined if one of them is not installed. */
export function translateVersion(): string | undefined {
  try {
    return [run('iptables-translate', ['-V']), run('nft', ['-v'])].map(({ stdout }) => stdout.trim()).join(', ')
  } catch {
    return undefined
  }
}

/** The output of the tool for a rule line of a table. */
export const translated = (family: Family, table: string, line: string): Outcome =>
  run(translateCommand(family), ['-t', table, ...splitWords(line)])

/** Whether the tool only repeats the line. */
export const isRepeated = (stdout: string): boolean => stdout.startsWith('nft # ')

const CHAIN = 'x'
/** A chain for jumps. */
const OTHER = 'y'

/**
 * Adds a rule in nft syntax to a chain that iptables-nft has created. @returns its expressions, unless nft refuses it
 */
export function nftExpressions(family: Family, table: string, rule: string): Uint8Array | undefined {
  for (const chain of [CHAIN, OTHER]) run(nftCommand(family), ['-t', table, '-N', chain])
  run('nft', ['flush', 'chain', nftFamily(family), table, CHAIN])
  const { status } = run('nft', ['add', 'rule', nftFamily(family), table, CHAIN, rule])
  if (status !== 0) return undefined
  const expressions = nftRules(family, table).get(CHAIN)?.at(-1)?.expressions
  return expressions?.bytes.slice(expressions.at, expressions.end)
}

/** The rule in `nft 'add rule ip filter INPUT …'`. */
export const ruleOf = (text: string): string | undefined => /^nft 'add rule \S+ \S+ \S+ (.*)'\s*$/s.exec(text)?.[1]

/** Translates the accepted lines of a group. Must run in a new namespace. */
export function translatedLines(one: Case, known: Set<string>): Translated[] {
  const { family, table, accepted } = one
  prepareNft(one)
  return accepted.map((line) => {
    const { status, stdout } = translated(family, table, line)
    const text = isRepeated(stdout) ? undefined : stdout.replace(/\n$/, '')
    const rule = text === undefined ? undefined : ruleOf(text)
    const isNew = rule !== undefined && !known.has(rule)
    if (rule !== undefined) known.add(rule)
    return { line, text, status: status ?? -1, expressions: isNew ? nftExpressions(family, table, rule) : undefined }
  })
}
