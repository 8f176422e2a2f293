/** The policy file: for each family its tables, for each table its chains, for each chain all of its rules. */
import { readFile } from 'node:fs/promises'
import { type DesiredTable, parseJson } from 'xtables'

export const FAMILIES = ['ipv4', 'ipv6'] as const
export type Family = (typeof FAMILIES)[number]
export type Policy = Readonly<Record<Family, Readonly<Record<string, DesiredTable>>>>

export const EMPTY: Policy = { ipv4: {}, ipv6: {} }

/**
 * Reads the file. Its tables are checked by `reconcile`, which names the table, the chain and the rule at fault.
 * @throws Error that says what is wrong, and where
 */
export async function readPolicy(file: string): Promise<Policy> {
  const content = parseJson(await readFile(file, 'utf8'), file)
  checkObject(file, content)
  const { $schema, ...families } = content
  for (const [family, tables] of Object.entries(families)) {
    if (!FAMILIES.some((name) => name === family))
      throw new Error(`${file}: ${family} is not a family; accepted: ${FAMILIES.join(', ')}`)
    checkObject(`${file}: ${family}`, tables)
  }
  return { ...EMPTY, ...families }
}

function checkObject(at: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${at}: this is not an object`)
}
