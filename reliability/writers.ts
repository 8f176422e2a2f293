/**
 * Sixteen writers in four tables at the same time: at the end exactly the expected chains, rules, counters and policies
 * stand, each rule once, with every word of it, and in its writer's order.
 */
import type { Written } from './actors/writer'
import { isNft, SHARED, toolOf } from './chains'
import { originOf, PLACES, type Place } from './edits'
import { type Outcome, resultOf, Stage } from './stage'

/** Each process, with the writers that it is. */
const PROCESSES: readonly (readonly [actor: string, writers: string])[] = [
  ['write', 'a:edits'],
  ['write', 'b:transactions'],
  ['write', 'c:async,d:async'],
  ['write', 'e:deferred'],
  ['write-as-siblings', 'm:async,n:async,o:deferred,p:in-turn'],
  ['write-in-threads', 'f:edits,g:transactions,h:async'],
  ['write', 'i:tool'],
  ['write', 'j:tool'],
  ['write', 'k:tool-restore'],
  ['write', 'l:restore'],
]

/** What the tool prints of a table: its chains with their policies, and its rules with their counters. */
interface Standing {
  readonly chains: Readonly<Record<string, string>>
  /** By chain. */
  readonly rules: Readonly<Record<string, readonly string[]>>
}

function standingIn(stage: Stage, place: Place): Standing {
  const text = stage.shell(`${toolOf(place.family)}-save -c -t ${place.table}`)
  const chains = [...text.matchAll(/^:(\S+) (\S+)/gm)].map(([, name, policy]) => [name, policy] as [string, string])
  const lines = text.split('\n').filter((line) => line.startsWith('['))
  const rulesOf = (chain: string): string[] => lines.filter((line) => line.split(' ')[2] === chain)
  return {
    chains: Object.fromEntries(chains),
    rules: Object.fromEntries(chains.map(([name]) => [name, rulesOf(name)])),
  }
}

const BY_TOOL = PROCESSES.flatMap(([, writers]) => writers.split(',')).filter((words) => words.includes(':tool'))

/** ip6tables-nft forgets the counters that it is told. */
const isForgotten = (writer: string, { family }: Place): boolean =>
  isNft() && family === 'ipv6' && BY_TOOL.some((words) => words.startsWith(`${writer}:`))

function savedLine(chain: string, rule: string, place: Place): string {
  const { writer, counters } = originOf(rule)
  return `[${(isForgotten(writer, place) ? [0, 0] : counters).join(':')}] -A ${chain} ${rule}`
}

function checkSame(what: string, found: readonly string[], wanted: readonly string[]): void {
  if (found.join('\n') === wanted.join('\n')) return
  const lost = wanted.filter((line) => !found.includes(line))
  const alien = found.filter((line) => !wanted.includes(line))
  throw new Error(`${what}: lost ${JSON.stringify(lost)}, not expected ${JSON.stringify(alien)}, or another order`)
}

/** @returns how many rules stand there. @throws unless they are exactly those of the ledgers */
function compare(
  place: Place,
  { chains, rules }: Standing,
  builtin: readonly string[],
  all: readonly Written[],
): number {
  const about = `${place.family} ${place.table}`
  const ledgers = all.map(({ writer, ledgers }) => ({ writer, ledger: ledgers[PLACES.indexOf(place)] }))
  const own = ledgers.flatMap(({ ledger }) => Object.keys(ledger?.chains ?? {}).filter((name) => name !== SHARED))
  checkSame(`${about}: chains`, Object.keys(chains).sort(), [...builtin, SHARED, ...own].sort())
  const policies = Object.assign({}, ...ledgers.map(({ ledger }) => ledger?.policies))
  const policyOf = (name: string): string => (builtin.includes(name) ? (policies[name] ?? 'ACCEPT') : '-')
  for (const [name, policy] of Object.entries(chains))
    checkSame(`${about}: policy of ${name}`, [policy], [policyOf(name)])
  for (const [name, lines] of Object.entries(rules))
    for (const { writer, ledger } of ledgers) {
      const wanted = (ledger?.chains[name] ?? []).map((rule) => savedLine(name, rule, place))
      const found = lines.filter((line) => originOf(line).writer === writer)
      checkSame(`${about}: rules of ${writer} in ${name}`, found, wanted)
    }
  return Object.values(rules).flat().length
}

/** The chain of one who edits by `nft`, which iptables has no words for. */
const NATIVE = 'native'
const NATIVE_LOOP = `
end=$((SECONDS + $1))
nft add chain ip filter ${NATIVE} '{ type filter hook input priority 7; }'
for ((n = 1; SECONDS < end; n++)); do
  nft add rule ip filter ${NATIVE} tcp dport '{' $n, $((n + 1)) '}' counter accept
done
echo $((n - 1))`

/** @returns what is amiss of what `nft` wrote, counted by itself */
function checkNative(stage: Stage, { status, stdout, stderr }: Outcome): void {
  if (status !== 0) throw new Error(`nft: ${stderr}`)
  const rules = stage.shell(`nft list chain ip filter ${NATIVE}`).match(/tcp dport/g)?.length ?? 0
  if (rules !== Number(stdout)) throw new Error(`nft wrote ${stdout.trim()} rules, of which ${rules} stand`)
}

/** @param seconds how long they write */
export async function writers(seconds: number): Promise<string> {
  using stage = new Stage()
  for (const place of PLACES) stage.shell(`${toolOf(place.family)} -t ${place.table} -N ${SHARED}`)
  const builtin = PLACES.map((place) => Object.keys(standingIn(stage, place).chains).filter((name) => name !== SHARED))
  const native = isNft() ? stage.run('bash', ['-ec', NATIVE_LOOP, 'bash', String(seconds)]) : undefined
  const outcomes: Outcome[] = await Promise.all(PROCESSES.map((args) => stage.runActor(...args, String(seconds))))
  if (native !== undefined) checkNative(stage, await native)
  const written = outcomes.flatMap((outcome) => resultOf<Written[]>(outcome))
  const counts = PLACES.map((place, i) => compare(place, standingIn(stage, place), builtin[i] ?? [], written))
  const rules = counts.reduce((sum, count) => sum + count, 0)
  const idle = written.filter(({ edits }) => edits === 0).map(({ writer }) => writer)
  if (idle.length > 0) throw new Error(`writers ${idle.join()} came to write nothing`)
  const hands = Object.fromEntries(PROCESSES.flatMap(([, writers]) => writers.split(',').map((it) => it.split(':'))))
  const edits = written.map(({ writer, edits }) => `${hands[writer]} (${writer}) ${edits}`).join(', ')
  const total = written.reduce((sum, { edits }) => sum + edits, 0)
  return `${rules} rules in ${PLACES.length} tables stand as expected after ${seconds} s of ${total} edits: ${edits}`
}
