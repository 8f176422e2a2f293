/** `xtables plan` and `xtables apply` for owned chains: bring them to the state in a file. */
import type { FamilyName } from '../abi/family'
import { desiredOfText } from '../reconcile/desired-text'
import type { JumpPlace } from '../reconcile/jumps'
import type { Ownership } from '../reconcile/ownership'
import type { Plan } from '../reconcile/plan'
import { reconcile } from '../reconcile/reconcile'
import { APPLY, PLAN } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { applyPending, secondsOf } from './confirm'
import { type OpenKernel, type Place, placeIn, readFrom, readText, withBackend } from './open-kernel'
import type { Streams } from './streams'

type Values = Omit<ReturnType<typeof readWords<typeof PLAN>>['values'], 'json'>

/** `plan`: prints the changes that are needed to bring owned chains to the state in a file. */
export function runPlan(args: string[], open: OpenKernel, streams: Streams): void {
  const { values, positionals } = readWords(PLAN, args)
  const plan = planOf(values, positionals, open, streams, false)
  streams.stdout(values.json ? `${JSON.stringify(plan, undefined, 2)}\n` : told(plan, streams))
}

/** `apply`: makes these changes and prints them. With `--confirm SECONDS`, they are rolled back unless confirmed in time. */
export function runApply(args: string[], place: Place, given: OpenKernel, streams: Streams): void {
  const { values, positionals } = readWords(APPLY, args)
  const open = withBackend(given, familyOf(values))
  const seconds = values.confirm === undefined ? undefined : secondsOf(values.confirm)
  const plan = planOf(values, positionals, open, streams, seconds === undefined)
  const next = seconds === undefined || plan.isEmpty ? undefined : applyPending(plan, seconds, place, open, streams)
  streams.stdout(told(plan, streams))
  next?.()
}

const familyOf = ({ ipv6 = false }: Values): FamilyName => (ipv6 ? 'ipv6' : 'ipv4')

function planOf(
  values: Values,
  [file = '-']: readonly string[],
  open: OpenKernel,
  { stdin }: Streams,
  apply: boolean,
): Plan {
  const from = file === '-' ? 'standard input' : file
  const text = file === '-' ? readFrom(from, stdin) : readText(file)
  return reconcile(desiredOfText(text, from), {
    ...placeIn(open, familyOf(values)),
    ...{ owns: ownership(values), jumps: placesOf(values.jumps ?? []), apply },
  })
}

/** @throws CommandLineError unless exactly one of --tables, --chain and --prefix is given */
function ownership({ tables, chain: chains, prefix }: Values): Ownership {
  if (prefix === '') throw new CommandLineError('--prefix must not be empty; to own all chains, use --tables')
  const said = [tables && 'tables', chains && { chains }, prefix !== undefined && { prefix }].filter(Boolean)
  const [one, ...others] = said as Ownership[]
  if (one === undefined || others.length > 0)
    throw new CommandLineError(
      'say which chains are yours, with exactly one of --tables, --chain NAME (which may be repeated) and --prefix NAME',
    )
  return one
}

/** Parses `CHAIN=first|last`, `CHAIN=before:RULE` and `CHAIN=after:RULE`, at most one for each chain. */
function placesOf(words: readonly string[]): Record<string, JumpPlace<string>> {
  const places = new Map<string, JumpPlace<string>>()
  for (const word of words) {
    const [, chain, place, side, rule] = /^(.+?)=(?:(first|last)|(before|after):(.+))$/s.exec(word) ?? []
    if (chain === undefined)
      throw new CommandLineError(
        `--jumps takes CHAIN=first, CHAIN=last, CHAIN=before:RULE or CHAIN=after:RULE, not ${word}`,
      )
    if (places.has(chain)) throw new CommandLineError(`--jumps gives two places for the jumps of chain ${chain}`)
    places.set(chain, (place ?? { [side as string]: rule }) as JumpPlace<string>)
  }
  return Object.fromEntries(places)
}

const told = (plan: Plan, { colours }: Streams): string =>
  plan.isEmpty ? 'nothing to do\n' : plan.format({ colours: colours?.() ?? false })
