/** Counters of rules in a registry of prom-client, beside what else a program counts. */
import { callback, check } from '../check-input'
import { checkOptions } from '../check-options'
import type { TableSnapshot } from '../view/snapshot'
import { LABELS, METRICS, METRICS_OPTIONS, type MetricsOptions, samplesOf } from './open-metrics'
import { sharing } from './shared-reading'

/** What a `Counter` of prom-client has, of which no more is needed. */
interface PromCounter {
  reset(): void
  inc(labels: Readonly<Record<string, string>>, value: number): void
}

/** What `new Counter` of prom-client takes. */
export interface PromCounterOptions {
  readonly name: string
  readonly help: string
  labelNames: string[]
  collect(this: PromCounter): Promise<void>
}

/**
 * The same as {@link openMetrics}, for a registry of prom-client: what it takes to make a counter of packets and one of bytes.
 * Tables are read whenever the registry is, once for both. prom-client counts in doubles: beyond 2^53 its numbers are rounded.
 *
 * ```ts
 * for (const options of promCounters(() => snapshotAsync({ backend: 'nft' }))) new Counter({ ...options, registers: [registry] })
 * ```
 * @throws IptcError for an option that is not understood
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
