/** The counters of rules as the tools print them, for comparison with `trace`. */
import type { FamilyName } from '../../src/abi/family'
import type { NetworkNamespace } from '../../src/index'
import type { Trace } from '../../src/trace/trace'
import { attempt, run } from './legacy'

export const FAMILIES: readonly FamilyName[] = ['ipv4', 'ipv6']
export type Backend = 'legacy' | 'nft'

const program = (family: FamilyName, backend: Backend, name: string): string =>
  `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-${name}`

/** Packets by table, chain and position of a rule, or `policy`. */
export type Counts = Map<string, number>

/** The counters of all rules and policies, according to the tool. */
export function counted(host: NetworkNamespace, family: FamilyName, backend: Backend): Counts {
  const counts: Counts = new Map()
  let [table, positions] = ['', new Map<string, number>()]
  for (const text of run(host, `${program(family, backend, 'save')} -c`).split('\n')) {
    const [, name] = /^\*(\w+)/.exec(text) ?? []
    const [, packets, chain] = /^\[(\d+):\d+\] -A (\S+)/.exec(text) ?? []
    const [, builtIn, passed] = /^:(\S+) [A-Z]+ \[(\d+):/.exec(text) ?? []
    if (name !== undefined) [table, positions] = [name, new Map()]
    // iptables-nft does not count packets for policies.
    if (builtIn !== undefined && backend === 'legacy') counts.set(`${table} ${builtIn} policy`, Number(passed))
    if (chain === undefined) continue
    const position = positions.get(chain) ?? 0
    positions.set(chain, position + 1)
    counts.set(`${table} ${chain} ${position}`, Number(packets))
  }
  return counts
}

/** The rules that a packet matches, in order. Undefined if this is not known for all of them. */
export function met({ steps, fork }: Trace, backend: Backend): string[] | undefined {
  const isOpen = steps.some((step) => step.kind === 'rule' && step.matches === undefined)
  if (fork !== undefined || isOpen) return undefined
  return steps.flatMap((step) => {
    if (step.kind === 'translated') return []
    if (step.kind === 'policy') return backend === 'legacy' ? [`${step.table} ${step.chain} policy`] : []
    return step.matches === true ? [`${step.table} ${step.chain} ${step.position}`] : []
  })
}

/** Adds the lines that the tool accepts. Others need what this kernel does not have. */
export function restore(
  host: NetworkNamespace,
  family: FamilyName,
  backend: Backend,
  lines: readonly string[],
): string[] {
  let left = [...lines]
  for (;;) {
    const { status, stderr } = attempt(host, `${program(family, backend, 'restore')} <<'END'\n${left.join('\n')}\nEND`)
    if (status === 0) return left
    const number = Number(/line:? (\d+)/.exec(stderr)?.[1])
    if (!(number > 0)) throw new Error(`${stderr}\n${left.join('\n')}`)
    const line = left[number - 1] as string
    if (!line.startsWith('-A')) {
      const bad = left.findIndex((one) => one.startsWith('-A') && !isTaken(host, family, backend, left, one))
      if (bad < 0) throw new Error(`${stderr}\n${left.join('\n')}`)
      refused.push(`${backend} ${family} ${left[bad]}: ${stderr.trim()}`)
      left = left.toSpliced(bad, 1)
      continue
    }
    refused.push(`${backend} ${family} ${line}: ${stderr.trim()}`)
    left = left.toSpliced(number - 1, 1)
  }
}

/** Whether a line is accepted without the other rules: it is added, as with `--test` the kernel would not be asked. */
function isTaken(
  host: NetworkNamespace,
  family: FamilyName,
  backend: Backend,
  lines: readonly string[],
  one: string,
): boolean {
  const table = lines.slice(0, lines.indexOf(one)).findLast((line) => line.startsWith('*'))
  const start = lines.indexOf(table as string)
  const chains = lines
    .slice(start)
    .filter((line, i, all) => line.startsWith(':') && !all.slice(1, i).includes('COMMIT'))
  const text = [table, ...chains, one, 'COMMIT'].join('\n')
  return attempt(host, `${program(family, backend, 'restore')} <<'END'\n${text}\nEND`).status === 0
}

export const refused: string[] = []

/** The line that a difference refers to. */
export function lineAt(lines: readonly string[], difference: string): string {
  const [, table, chain, position] = difference.split(/[ :]/)
  const start = lines.indexOf(`*${table}`)
  const rules = lines
    .slice(start, lines.indexOf('COMMIT', start))
    .filter((line) => line.startsWith(`-A ${chain} `) || line === `-A ${chain}`)
  return rules[Number(position)] ?? ''
}
