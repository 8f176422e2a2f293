/** Where the kernel's modules are missing, the error says which, and how they come to be there. */
import { NetworkNamespace, Table, Table6, UnsupportedError } from '../../src/index'
import type { Outcome } from '../results'
import { loadedModules, withoutModules } from './modules'

const WANTED = [
  { open: () => new Table('filter'), module: 'ip_tables' },
  { open: () => new Table6('filter'), module: 'ip6_tables' },
]

function refusal(open: () => Table | Table6): Error | undefined {
  using namespace = NetworkNamespace.create()
  return namespace.run(() => {
    try {
      using table = open()
      return table.chains.length >= 0 ? undefined : undefined
    } catch (error) {
      return error as Error
    }
  })
}

const says = (error: Error | undefined, module: string): boolean =>
  error instanceof UnsupportedError && error.message.includes(`modprobe ${module}`) && /install/.test(error.message)

export function absent(): Outcome {
  if (loadedModules().includes('x_tables')) return { passed: 0, failed: 1, notes: ['modules are loaded already'] }
  const faults = withoutModules(() =>
    WANTED.flatMap(({ open, module }) => {
      const error = refusal(open)
      return says(error, module) ? [] : [`${module}: ${error ?? 'no error'}`]
    }),
  )
  return { passed: WANTED.length - faults.length, failed: faults.length, notes: faults }
}
