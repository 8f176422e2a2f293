/** Addresses as users write them: numbers, host and network names, and comma-separated lists of these. */
import { readFileSync } from 'node:fs'
import type { Family } from '../abi/family'
import { type Context, NO_SETS } from '../extensions/context'
import { network, parseAddress } from '../extensions/values/address'
import { Mismatch } from '../extensions/values/value'
import { hostAddresses } from './hosts'
import { UsageError } from './options'

/** What `-s` and `-d` take. */
export const NETWORK = 'an address, or the name of a host or a network, with an optional /mask'

/** Addresses refer to nothing that belongs to a namespace. */
const contextOf = (family: Family): Context => ({ family, sets: NO_SETS })

/**
 * The networks of `-s` or `-d` in numeric form. A host with several addresses is several networks. Duplicates are kept:
 * iptables makes a rule of each.
 * @param option its name in messages, such as `src`
 * @throws UsageError for an unknown name, or an invalid mask
 */
export function resolveNetworks(word: string, option: string, family: Family): string[] {
  // Nearly every word is a single address.
  return word.includes(',')
    ? word.split(',').flatMap((item) => resolveItem(item.trimStart(), option, family))
    : resolveItem(word, option, family)
}

function resolveItem(item: string, option: string, family: Family): string[] {
  const context = contextOf(family)
  if (isNetwork(item, context)) return [item]
  const at = item.lastIndexOf('/')
  const [name, mask] = at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at)]
  const addresses = parseAddress(name, context) === undefined ? lookUp(name, family) : [name]
  if (addresses.length === 0)
    throw new UsageError(`host/network \`${name}' not found`, {
      code: 'XT_BAD_VALUE',
      parameter: option,
      value: item,
      expected: NETWORK,
    })
  return addresses.map((address) => checked(`${address}${mask}`, option, mask.slice(1), context))
}

function isNetwork(word: string, context: Context): boolean {
  try {
    network.parse(word, context)
    return true
  } catch (error) {
    if (error instanceof Mismatch) return false
    throw error
  }
}

function checked(word: string, option: string, mask: string, context: Context): string {
  if (isNetwork(word, context)) return word
  throw new UsageError(`invalid mask \`${mask}' specified`, {
    code: 'XT_BAD_VALUE',
    parameter: option,
    value: word,
    expected: 'a prefix length or a netmask',
  })
}

/** A name that a database may know; anything else is not looked up. */
const NAME = /^(?=.*[A-Za-z])[\w.-]{1,255}$/

function lookUp(name: string, family: Family): readonly string[] {
  if (family.name === 'ipv6' && name.includes('%')) return withoutScope(name, family)
  if (!NAME.test(name)) return []
  const found = family.name === 'ipv4' ? inNetworks(name) : undefined
  if (found !== undefined) return [found]
  const hosts = inHosts(name, family)
  return hosts.length > 0 ? hosts : hostAddresses(name, family.name)
}

/** Removes the scope of a link-local address, which rules cannot hold. */
function withoutScope(name: string, family: Family): string[] {
  const [, address = ''] = /^(f[ef][^%]*)%[^%]+$/i.exec(name) ?? []
  return parseAddress(address, contextOf(family)) === undefined ? [] : [address]
}

/** The rows of a file in the format of hosts(5) and networks(5). */
function rows(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => (line.split('#')[0] as string).trim().split(/\s+/))
  } catch {
    return []
  }
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

function inNetworks(name: string): string | undefined {
  for (const [first, number, ...aliases] of rows('/etc/networks'))
    if (number !== undefined && [first as string, ...aliases].some((one) => isSame(one, name))) return number
  return undefined
}

function inHosts(name: string, family: Family): string[] {
  const context = contextOf(family)
  const isAddress = (word: string): boolean =>
    (family.name === 'ipv6') === word.includes(':') && parseAddress(word, context) !== undefined
  return rows('/etc/hosts')
    .filter(([address, ...names]) => isAddress(address as string) && names.some((one) => isSame(one, name)))
    .map(([address]) => address as string)
}
