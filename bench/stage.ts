/** A network namespace with a table of a given number of rules, and the other programs that work on it there. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAMILIES, type FamilyName } from '../src/abi/family'
import { type AnyTable, NetworkNamespace, restore, Table, Table6 } from '../src/index'
import { restoreText } from './rules'

/** Longer than any of them takes. */
const PATIENCE_MS = 300_000

export class Stage implements Disposable {
  readonly family: FamilyName
  readonly count: number
  readonly namespace = NetworkNamespace.create()
  readonly text: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'xtables-bench-'))

  constructor(family: FamilyName, count: number) {
    this.family = family
    this.count = count
    this.text = restoreText(family, count)
    // Nobody else is to be waited for.
    process.env['XTABLES_LOCKFILE'] = join(this.#folder, 'lock')
    restore(this.text, this.place)
  }

  /** For functions that take options. */
  get place(): { readonly namespace: NetworkNamespace; readonly ipv6: boolean } {
    return { namespace: this.namespace, ipv6: this.family === 'ipv6' }
  }

  open(): AnyTable {
    const { namespace } = this
    return this.family === 'ipv6' ? new Table6('filter', { namespace }) : new Table('filter', { namespace })
  }

  /** @param tool as in `restore`; the command itself where it is empty. */
  legacy(tool: string): string {
    return [FAMILIES[this.family].name === 'ipv6' ? 'ip6tables-legacy' : 'iptables-legacy', tool]
      .filter(Boolean)
      .join('-')
  }

  run(program: string, args: readonly string[], input = ''): SpawnSyncReturns<string> {
    const options = { input, encoding: 'utf8', maxBuffer: 2 ** 30, timeout: PATIENCE_MS } as const
    const done = this.namespace.run(() => spawnSync(program, args, options))
    if (done.error !== undefined || done.status !== 0)
      throw done.error ?? new Error(`${program} ${args.join(' ')}: ${done.stderr}`)
    return done
  }

  [Symbol.dispose](): void {
    this.namespace.close()
    rmSync(this.#folder, { recursive: true })
  }
}
