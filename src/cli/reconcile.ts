/** `xtables plan` and `xtables apply` for the chains that one owns: a file says what they are to hold. */
import { parseArgs } from 'node:util'
import { IptcError } from '../errors'
import { desiredOfText } from '../policy/desired-text'
import type { JumpPlace } from '../policy/jumps'
import type { Ownership } from '../policy/ownership'
import type { Plan } from '../policy/plan'
import { reconcile } from '../policy/reconcile'
import { type Io, type OpenKernel, readFrom, readText } from './kernel'

type Streams = Pick<Io, 'stdout' | 'stdin' | 'colours'>

const OPTIONS = {
  tables: { type: 'boolean' },
  chain: { type: 'string', multiple: true },
  prefix: { type: 'string' },
  ipv6: { type: 'boolean', short: '6' },
  jumps: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const

const parse = (args: string[]) => parseArgs({ args, options: OPTIONS, allowPositionals: true })
type Values = ReturnType<typeof parse>['values']

/**
 * `plan --tables|--chain NAME|--prefix NAME [-6] [--jumps CHAIN=first|last] [--json] [FILE]`: prints what has to be done so that
 * these chains are as the file says, a text of iptables-save or a dump in JSON.
 */
export function runPlan(args: string[], open: OpenKernel, streams: Streams): void {
  const { values, positionals } = parse(args)
  const plan = planOf(values, positionals, open, streams, false)
  streams.stdout(values.json ? `${JSON.stringify(plan, undefined, 2)}\n` : told(plan, streams))
}

/** `apply`, with the same words: does what has to be done, and prints it. */
export function runApply(args: string[], open: OpenKernel, streams: Streams): void {
  const { values, positionals } = parse(args)
  streams.stdout(told(planOf(values, positionals, open, streams, true), streams))
}

function planOf(
  values: Values,
  [file = '-', ...others]: readonly string[],
  { kernel, writing }: OpenKernel,
  { stdin }: Streams,
  apply: boolean,
): Plan {
  if (others.length > 0) throw new IptcError('one file says what is desired, or standard input')
  const from = file === '-' ? 'standard input' : file
  const text = file === '-' ? readFrom(from, stdin) : readText(file)
  return reconcile(desiredOfText(text, from), {
    ...{ ipv6: values.ipv6 ?? false, kernel, ...writing },
    ...{ owns: ownership(values), jumps: placesOf(values.jumps ?? []), apply },
  })
}

/** @throws IptcError unless exactly one way is said */
function ownership({ tables, chain: chains, prefix }: Values): Ownership {
  const said = [tables && 'tables', chains && { chains }, prefix !== undefined && { prefix }].filter(Boolean)
  const [one, ...others] = said as Ownership[]
  if (one === undefined || others.length > 0)
    throw new IptcError(
      'which chains are yours is said by one of --tables, --chain NAME (any number of them) and --prefix NAME',
    )
  return one
}

function placesOf(words: readonly string[]): Record<string, JumpPlace<never>> {
  return Object.fromEntries(
    words.map((word) => {
      const [, chain, place] = /^(.+)=(first|last)$/.exec(word) ?? []
      if (chain === undefined) throw new IptcError(`--jumps takes CHAIN=first or CHAIN=last, not ${word}`)
      return [chain, place as 'first' | 'last']
    }),
  )
}

const told = (plan: Plan, { colours }: Streams): string =>
  plan.isEmpty ? 'nothing to do\n' : plan.format({ colours: colours?.() ?? false })
