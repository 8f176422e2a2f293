/** Counters of rules for a prom-client registry. */
import { callback, check } from '../check-input'
import { checkOptions } from '../check-options'
import type { TableSnapshot } from '../view/snapshot'
import { LABELS, METRICS, METRICS_OPTIONS, type MetricsOptions, samplesOf } from './open-metrics'
import { sharing } from './shared-reading'

/**
 * The methods of prom-client's `Counter` that are used.
 * @since 0.1.0
 */
interface PromCounter {
  /** Resets all values. */
  reset(): void
  /** Increases the value for one set of labels. */
  inc(labels: Readonly<Record<string, string>>, value: number): void
}

/**
 * The options of prom-client's `new Counter`.
 * @since 0.1.0
 */
export interface PromCounterOptions {
  /** The name of the metric. */
  readonly name: string
  /** The description of the metric. */
  readonly help: string
  /** The names of its labels. */
  labelNames: string[]
  /** Reads the tables and sets the counter's values. */
  collect(this: PromCounter): Promise<void>
}

/**
 * The same as {@link openMetrics}, for a registry of prom-client: what it takes to make a counter of packets and one of bytes.
 * Tables are read whenever the registry is, once for both. prom-client counts in doubles: beyond 2^53 its numbers are rounded.
 * @param read - reads the tables, as {@link snapshot} or {@link snapshotAsync} does
 * @throws {@link IptcError} for an option that is not understood
 * @since 0.1.0
 * @example
 * ```ts
 * import { Counter, Registry } from 'prom-client'
 * import { MemoryKernel, promCounters, snapshotAsync } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const registry = new Registry()
 * for (const options of promCounters(() => snapshotAsync({ kernel }))) new Counter({ ...options, registers: [registry] })
 * console.log((await registry.metrics()).includes('xtables_rule_bytes_total')) // true
 * ```
 */
export function promCounters(
  read: () => readonly TableSnapshot[] | Promise<readonly TableSnapshot[]>,
  options: MetricsOptions = {},
): PromCounterOptions[] {
  check('what reads the tables', read, callback)
  checkOptions(options, METRICS_OPTIONS)
  const samples = sharing(async () => samplesOf(await read(), options))
  return (['packets', 'bytes'] as const).map((what) => ({
    name: `${METRICS[what].name}_total`,
    help: METRICS[what].help,
    labelNames: [...LABELS],
    async collect() {
      const all = await samples()
      this.reset()
      for (const sample of all) this.inc(sample.labels, Number(sample[what]))
    },
  }))
}
