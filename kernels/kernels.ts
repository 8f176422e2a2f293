/**
 * Boots kernels of Debian under qemu, runs the checks inside and writes docs/kernels.md. What is downloaded and made lies
 * in a scratch directory that is deleted at the end, or in the one that --keep names; nothing is installed.
 * Needs root, Linux, qemu, a mirror of Debian in apt's configuration, iptables and ipset.
 *
 *   npm run kernels                      every version that the mirror has
 *   npm run kernels -- 6.1 6.12          some of them; the rows of others stay as they are
 *   npm run kernels -- --flavour rt-amd64 6.1
 *   npm run kernels -- --checks conformance --extensions LED,CLUSTERIP 6.1      and no row
 *   npm run kernels -- --checks absent,quickstart --minutes 5 --keep /tmp/kernels 6.1
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { kernelIn, writeInitramfs } from './initramfs'
import { indexModules, releaseIn, unpack } from './layer'
import { runMachine } from './machine'
import { downloadOwn, type KernelPackage, Mirror } from './mirror'
import { type Row, updatePage } from './page'
import { CHECKS, RESULTS_FILE, type Results } from './results'

const ROOT = join(__dirname, '..')

/** What the guest has beside what is on this machine: a modprobe for the kernel, and objects that rules refer to. */
const TOOLS = ['busybox-static', 'kmod', 'libkmod2', 'nfacct', 'libnetfilter-acct1']

const PROGRAMS = { 'qemu-system-x86_64': 'qemu-system-x86', 'iptables-legacy': 'iptables', ipset: 'ipset' }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    flavour: { type: 'string', default: 'amd64' },
    checks: { type: 'string', default: 'absent,quickstart,live,conformance' },
    minutes: { type: 'string', default: '45' },
    extensions: { type: 'string' },
    keep: { type: 'string' },
  },
})

function demand(): void {
  const missing = Object.entries(PROGRAMS).filter(([program]) => spawnSync('which', [program]).status !== 0)
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name).join(' ')
  throw new Error(`${missing.map(([program]) => program).join(', ')} not installed: apt-get install ${packages}`)
}

function checksWanted(): string[] {
  const wanted = values.checks.split(',')
  const unknown = wanted.filter((name) => !(name in CHECKS))
  if (unknown.length > 0) throw new Error(`no check ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}`)
  return wanted
}

/** What the guest's first program starts; the machine ends with it. */
const script = (checks: readonly string[]): string => `cd ${ROOT}
export HOME=/root PATH=${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin TS_NODE_TRANSPILE_ONLY=true
${values.extensions === undefined ? '' : `export KERNELS_EXTENSIONS=${values.extensions}`}
ip link set lo up
node -r ts-node/register kernels/guest/guest.ts /results ${checks.join(' ')} 2>&1
echo o >/proc/sysrq-trigger
sleep 60
`

async function tryKernel(
  { version, name }: KernelPackage,
  mirror: Mirror,
  tools: readonly string[],
  scratch: string,
): Promise<Row> {
  const directory = join(scratch, name)
  const layer = join(directory, 'layer')
  const results = join(directory, 'results')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(results, { recursive: true })
  unpack(layer, [...mirror.download(name), ...tools])
  const release = releaseIn(layer)
  indexModules(layer, release)
  const initramfs = join(directory, 'initramfs')
  writeInitramfs(initramfs, layer, release)
  writeFileSync(join(results, 'run'), script(checksWanted()))
  const log = join(directory, 'console.log')
  const ended = await runMachine({
    architecture: 'x64',
    kernel: kernelIn(layer),
    initramfs,
    shares: {
      host: { path: '/', readonly: true },
      layer: { path: layer, readonly: true },
      results: { path: results, readonly: false },
    },
    log,
    timeLimitMs: Number(values.minutes) * 60_000,
  })
  const file = join(results, RESULTS_FILE)
  const told: Results | undefined = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  if (values.keep === undefined) rmSync(directory, { recursive: true })
  const fault = ended ?? (told === undefined ? `the guest told nothing; see ${log}` : undefined)
  return { version, package: name, ...(told && { results: told }), ...(fault !== undefined && { fault }) }
}

async function main(): Promise<void> {
  demand()
  checksWanted()
  const scratch = values.keep ?? mkdtempSync(join(tmpdir(), 'xtables-kernels-'))
  mkdirSync(scratch, { recursive: true })
  // Packages come with the modes that they have; the directory is nobody else's.
  chmodSync(scratch, 0o755)
  try {
    const mirror = new Mirror(scratch, 'amd64')
    const found = mirror.kernels(values.flavour)
    const unknown = positionals.filter((version) => !found.some((one) => one.version === version))
    if (unknown.length > 0)
      throw new Error(`no kernel ${unknown.join(', ')}; there are ${found.map(({ version }) => version).join(', ')}`)
    const tools = downloadOwn(scratch, ...TOOLS)
    for (const one of found.filter(({ version }) => positionals.length === 0 || positionals.includes(version))) {
      console.log(`${one.name} …`)
      const row = await tryKernel(one, mirror, tools, scratch)
      if (values.extensions === undefined) updatePage(join(ROOT, 'docs/kernels.md'), row)
      for (const { name, passed, failed, skipped, notes } of row.results?.checks ?? []) {
        console.log(`  ${CHECKS[name]}: ${passed} passed, ${failed} failed, ${skipped} skipped`)
        for (const note of notes) console.log(`    ${note}`)
        if (failed > 0) process.exitCode = 1
      }
      if (row.fault === undefined) continue
      console.log(`  ${row.fault}`)
      process.exitCode = 1
    }
  } finally {
    if (values.keep === undefined) rmSync(scratch, { recursive: true })
  }
}

// An exit ends the machine that runs; a signal alone would leave it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

void main()
