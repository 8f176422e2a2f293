/** Counters of labelled rules as OpenMetrics text. github.com/prometheus/OpenMetrics, specification 1.0 */
import { check, names, text } from '../check-input'
import { checkOptions } from '../check-options'
import { SNAPSHOTS } from '../view/check-snapshots'
import { wellFormed } from '../view/escape'
import { nameOf } from '../view/rule-name'
import type { RuleSnapshot, TableSnapshot } from '../view/snapshot'

/**
 * Which rules without a comment are included.
 * @since 0.1.0
 */
export interface MetricsOptions {
  /** Chains whose rules are labelled by their text if they have no comment. */
  readonly chains?: readonly string[] | undefined
  /** As `chains`, for all chains whose names start with this. */
  readonly prefix?: string | undefined
}

/** @internal */
export const METRICS_OPTIONS = { chains: names, prefix: text }

/**
 * The `content-type` of OpenMetrics text.
 * @since 0.1.0
 */
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** @internal The description of each metric. */
export const METRICS = {
  packets: { name: 'xtables_rule_packets', unit: 'packets', help: 'Packets that labelled rules have matched.' },
  bytes: { name: 'xtables_rule_bytes', unit: 'bytes', help: 'Bytes of the packets that labelled rules have matched.' },
} as const

/** @internal In printing order; each sample has one of the last two. */
export const LABELS = ['family', 'table', 'chain', 'comment', 'rule'] as const

/** @internal */
export interface Sample {
  readonly labels: Readonly<Partial<Record<(typeof LABELS)[number], string>>>
  readonly packets: bigint
  readonly bytes: bigint
}

/**
 * The counters of rules that have a comment, labelled by it, and of those without in the chains that are named, labelled by what they
 * say. Rules with the same labels are summed. Counters are whole numbers, also beyond what a double holds.
 * @returns the whole exposition, with `# EOF`
 * @throws {@link IptcError} for what is no list of snapshots, or an option that is not understood
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, openMetrics, restore, snapshot } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n[7:420] -A INPUT -m comment --comment web -j ACCEPT\nCOMMIT\n', { kernel, counters: true })
 * const [, , , sample] = openMetrics(snapshot({ kernel })).split('\n')
 * console.log(sample) // xtables_rule_packets_total{family="ipv4",table="filter",chain="INPUT",comment="web"} 7
 * ```
 */
export function openMetrics(tables: readonly TableSnapshot[], options: MetricsOptions = {}): string {
  const samples = samplesOf(tables, options)
  const lines = (['packets', 'bytes'] as const).flatMap((what) => {
    const { name, unit, help } = METRICS[what]
    return [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} counter`,
      `# UNIT ${name} ${unit}`,
      ...samples.map((sample) => `${name}_total{${labelText(sample)}} ${sample[what]}`),
    ]
  })
  return [...lines, '# EOF\n'].join('\n')
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

const labelText = ({ labels }: Sample): string =>
  LABELS.flatMap((name) => {
    const value = labels[name]
    return value === undefined ? [] : [`${name}="${escaped(value)}"`]
  }).join(',')

/** @internal */
export function samplesOf(tables: readonly TableSnapshot[], options: MetricsOptions): Sample[] {
  check('the snapshots of openMetrics', tables, SNAPSHOTS)
  checkOptions(options, METRICS_OPTIONS)
  const sums = new Map<string, Sample>()
  for (const { family, table, chains } of tables)
    for (const { name: chain, rules } of chains)
      for (const rule of rules) {
        const label = labelOf(rule, isNamed(chain, options))
        if (label === undefined) continue
        const labels = { family, table, chain: wellFormed(chain), ...label }
        const key = JSON.stringify(labels)
        const { packets, bytes } = sums.get(key) ?? { packets: 0n, bytes: 0n }
        sums.set(key, { labels, packets: packets + rule.counters[0], bytes: bytes + rule.counters[1] })
      }
  return [...sums.values()]
}

const isNamed = (chain: string, { chains = [], prefix }: MetricsOptions): boolean =>
  chains.includes(chain) || (prefix !== undefined && chain.startsWith(prefix))

/** An empty label counts as missing. */
function labelOf(rule: RuleSnapshot, isOfNamedChain: boolean): Sample['labels'] | undefined {
  const { comment } = rule
  if (comment !== undefined && comment !== '') return { comment: wellFormed(comment) }
  return isOfNamedChain ? { rule: wellFormed(nameOf(rule)) } : undefined
}
