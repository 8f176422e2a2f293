/** The policy file: an object of families, each an object of tables, each an object of chains with all their rules. */
import { readFile } from 'node:fs/promises'
import { type DesiredTable, parseJson } from 'xtables'

export const FAMILIES = ['ipv4', 'ipv6'] as const
export type Family = (typeof FAMILIES)[number]
export type Policy = Readonly<Record<Family, Readonly<Record<string, DesiredTable>>>>

export const NOTHING: Policy = { ipv4: {}, ipv6: {} }

/**
 * Reads the file. `reconcile` checks the tables in it, and names the table, chain and rule at fault.
 * @throws Error that names the fault and its place
 */
export async function readPolicy(file: string): Promise<Policy> {
  const content = parseJson(await readFile(file, 'utf8').catch(unreadable), file)
  checkObject(file, content)
  const { $schema, ...families } = content
  for (const [family, tables] of Object.entries(families)) {
    if (!FAMILIES.some((name) => name === family))
      throw new Error(`${file}: ${family} is not a family; accepted: ${FAMILIES.join(', ')}`)
    checkObject(`${file}: ${family}`, tables)
  }
  return { ...NOTHING, ...families }
}

function unreadable(cause: Error): never {
  throw new Error(`the policy file cannot be read: ${cause.message}; pass another one with --policy FILE`, { cause })
}

function checkObject(place: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${place}: expected an object`)
}
