/**
 * Captures the tables that iptables-legacy writes for the accepted rule lines of test/extensions/cases, one file for each
 * group of lines, and what it prints for the refused ones, one file for each extension. It creates its own network
 * namespaces; needs root, Linux, iptables and ipset.
 *
 *   npm run fixtures
 *   npm run fixtures -- tcp udp
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getInfo, replace } from '../src/abi/x-tables'
import { type Capture, captureTable } from '../src/kernel/capture'
import { LinuxKernel } from '../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../src/kernel/linux/namespace'
import { type Case, cases, selection } from '../test/support/cases'
import { clearFixtures, type Fixture, writeFixture } from '../test/support/fixtures'
import { liveCases } from '../test/support/here'
import { listing, oracleAndKernel, prepare, restore, restoreEach, shown } from '../test/support/oracle'
import { clearRefusals, type RefusedGroup, writeRefusals } from '../test/support/refused-lines'
import type { Outcome } from '../test/support/run-program'

function captureCase(one: Case, writtenBy: string): Fixture {
  using namespace = NetworkNamespace.create()
  return namespace.run(() => {
    // The stand-in for the kernel does not need objects that rules refer to.
    prepare(one.lacking ? { ...one, setup: [] } : one)
    if (one.lacking) standIn.begin()
    const { status, stderr } = restore(one.family, one.table, one.accepted)
    if (status !== 0) throw new Error(`${one.name}: ${stderr}`)
    const fixture = {
      name: one.name,
      extension: one.extension,
      writtenBy,
      lines: one.accepted,
      listing: listing(one.family, one.table),
      shown: shown(one.family, one.table, '-n', '-v').split('\n'),
      capture: one.lacking ? standIn.capture(one) : captureTable(new LinuxKernel(), one.family.name, one.table),
    }
    standIn.end()
    return fixture
  })
}

const PRELOAD = 'LD_PRELOAD'

/** Replaces the kernel for iptables-legacy if it lacks the extension. See stand-in.c. */
class StandIn {
  readonly #directory = mkdtempSync(join(tmpdir(), 'xtables-stand-in-'))
  readonly #library = join(this.#directory, 'stand-in.so')
  readonly #table = join(this.#directory, 'table')

  begin(): void {
    if (!existsSync(this.#library))
      execFileSync('cc', ['-shared', '-fPIC', '-o', this.#library, join(__dirname, 'stand-in.c'), '-ldl'])
    rmSync(this.#table, { force: true })
    Object.assign(process.env, { [PRELOAD]: this.#library, STAND_IN_TABLE: this.#table })
  }

  end(): void {
    delete process.env[PRELOAD]
  }

  capture({ family, table }: Case): Capture {
    const bytes = new Uint8Array(readFileSync(this.#table))
    const info = new Uint8Array(getInfo.size)
    getInfo.write(info, 0, replace.read(bytes, 0))
    return { family: family.name, table, info, entries: bytes.slice(replace.size) }
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true })
  }
}

/** What iptables-legacy prints for the refused lines of a group. Without the extension, the kernel would refuse every line. */
function captureRefused(one: Case): RefusedGroup {
  using namespace = NetworkNamespace.create()
  const outcomes = namespace.run(() => {
    prepare(one)
    return restoreEach(one.family, one.table, one.refused)
  })
  const refused = one.refused.map((line, i) => {
    const { status, stderr } = outcomes[i] as Outcome
    if (status === 0) throw new Error(`${one.name}: iptables-legacy accepts ${line}`)
    return [line, stderr.split('\n')[0]]
  })
  const { name, table, setup, family } = one
  return { family: family.name, name, table, setup, refused: Object.fromEntries(refused) }
}

using standIn = new StandIn()
const writtenBy = oracleAndKernel()
const isWanted = selection(process.argv.slice(2))
clearFixtures(isWanted)
clearRefusals(isWanted)
const written = cases.filter(({ accepted, extension }) => accepted.length > 0 && isWanted(extension))
for (const one of written) writeFixture(captureCase(one, writtenBy))
console.log(`${written.length} tables captured, ${written.flatMap(({ accepted }) => accepted).length} rules`)
const refusing = liveCases.filter(({ refused, extension }) => refused.length > 0 && isWanted(extension))
for (const extension of new Set(refusing.map((one) => one.extension))) {
  const groups = refusing.filter((one) => one.extension === extension).map(captureRefused)
  writeRefusals(extension, { writtenBy, groups })
}
console.log(`${refusing.flatMap(({ refused }) => refused).length} refused lines`)
