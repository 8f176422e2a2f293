/** Prepares an in-process kernel for a group of rule lines. */
import { MemoryKernel, restore } from '../../src/index'
import type { Case } from './cases'

/** Sets without addresses have no family. */
const familyOf = (words: string): 'ipv4' | 'ipv6' | 'any' =>
  /list:|bitmap:port/.test(words) ? 'any' : words.includes('family inet6') ? 'ipv6' : 'ipv4'

export function prepared({ family, table, setup }: Case): MemoryKernel {
  const kernel = new MemoryKernel()
  for (const line of setup) {
    const [, set, words = ''] = /^ipset create (\S+) (.*)$/.exec(line) ?? []
    if (set !== undefined) kernel.addSet(set, familyOf(words))
    else restore(`*${table}\n${line}\nCOMMIT\n`, { kernel, ipv6: family.name === 'ipv6', noflush: true })
  }
  return kernel
}
