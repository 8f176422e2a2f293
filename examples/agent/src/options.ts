/** The command line. */
import { parseArgs } from 'node:util'
import { detectBackend } from 'xtables'
import type { KeeperOptions } from './keeper.js'
import type { Address } from './server.js'

export const USAGE =
  'usage: agent [--policy FILE] [--prefix NAME] [--backend legacy|nft] [--listen [HOST:]PORT] [--poll SECONDS] [--remove]'

export interface Options extends KeeperOptions {
  readonly address: Address
  readonly pollMs: number
  /** Whether to delete the chains at the end. */
  readonly remove: boolean
}

/** @throws TypeError for a command line that is not understood */
export function readOptions(args: string[]): Options {
  const options = {
    policy: { type: 'string', default: 'policy.json' },
    prefix: { type: 'string', default: 'agent-' },
    backend: { type: 'string' },
    listen: { type: 'string', default: '127.0.0.1:9150' },
    poll: { type: 'string' },
    remove: { type: 'boolean', default: false },
  } as const
  const { policy: file, prefix, listen, remove, ...values } = parseArgs({ args, options }).values
  const backend = values.backend ?? (process.env['XTABLES_BACKEND'] || detectBackend())
  if (backend !== 'legacy' && backend !== 'nft')
    throw new TypeError(`--backend, or XTABLES_BACKEND, must be legacy or nft, not ${backend}`)
  if (prefix === '') throw new TypeError('--prefix must not be empty: the agent would own every chain')
  // nf_tables reports changes: there, polling is only a precaution.
  const poll = Number(values.poll ?? (backend === 'nft' ? 60 : 5))
  if (!(poll > 0 && poll <= 86_400))
    throw new TypeError(`--poll must be a number of seconds up to 86400, not ${values.poll}`)
  return { file, prefix, backend, remove, address: addressOf(listen), pollMs: poll * 1000 }
}

function addressOf(words: string): Address {
  const [, v6, host = v6 ?? '127.0.0.1', port = ''] = /^(?:(?:\[(.+)\]|([^:]+)):)?(\d{1,5})$/.exec(words) ?? []
  if (port === '' || Number(port) > 65_535) throw new TypeError(`--listen must be [HOST:]PORT, not ${words}`)
  return { host, port: Number(port) }
}
