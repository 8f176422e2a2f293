/** The policy file: for each family its tables, for each table its chains, for each chain all of its rules. */
import { readFile } from 'node:fs/promises'
import { type DesiredRule, easy, parseJson, Rule, Rule6, type RuleDictionary } from 'xtables'

export const FAMILIES = ['ipv4', 'ipv6'] as const
export type Family = (typeof FAMILIES)[number]
type Chains = Readonly<Record<string, readonly DesiredRule[]>>
export type Policy = Readonly<Record<Family, Readonly<Record<string, Chains>>>>

export const EMPTY: Policy = { ipv4: {}, ipv6: {} }

/** @throws Error that says what is wrong, and where */
export async function readPolicy(file: string): Promise<Policy> {
  const content = parseJson(await readFile(file, 'utf8'), file)
  const { $schema, ipv4 = {}, ipv6 = {}, ...others } = mapped(file, content, (_, value) => value)
  const [stray] = Object.keys(others)
  if (stray !== undefined) throw new Error(`${file}: ${stray} is no family; accepted: ${FAMILIES.join(', ')}`)
  const tablesOf = (family: Family, tables: unknown) =>
    mapped(`${file}: ${family}`, tables, (at, chains) =>
      mapped(at, chains, (at, rules) => {
        if (!Array.isArray(rules)) throw new Error(`${at}: a chain is a list of rules`)
        return rules.map((rule, i) => parsed(`${at} rule ${i + 1}`, rule, family))
      }),
    )
  return { ipv4: tablesOf('ipv4', ipv4), ipv6: tablesOf('ipv6', ipv6) }
}

function mapped<T>(at: string, value: unknown, each: (at: string, value: unknown) => T): Record<string, T> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${at}: this is no object`)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, each(`${at} ${name}`, one)]))
}

/** A rule is in the words of iptables, or a dictionary. One that is parsed already is compared faster each time. */
function parsed(at: string, rule: unknown, family: Family): DesiredRule {
  const ipv6 = family === 'ipv6'
  try {
    if (typeof rule === 'string') return (ipv6 ? Rule6 : Rule).parse(rule)
    return easy.encodeRule(rule as RuleDictionary, { ipv6 })
  } catch (cause) {
    throw new Error(`${at}: ${(cause as Error).message}`, { cause })
  }
}
