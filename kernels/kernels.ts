/**
 * Boots kernels of Debian under qemu, runs the checks inside and writes docs/kernels.md. What is downloaded and made lies
 * in a scratch directory that is deleted at the end, or in the one that --keep names; nothing is installed.
 * Needs root, Linux, qemu, a mirror of Debian in apt's configuration, iptables and ipset.
 *
 *   npm run kernels                      every version that the mirror has
 *   npm run kernels -- 6.1 6.12          some of them; the rows of others stay as they are
 *   npm run kernels -- --flavour rt-amd64 6.1
 *   npm run kernels -- --checks absent,quickstart --minutes 5 --keep /tmp/kernels 6.1
 *   npm run kernels -- --scope whole --minutes 180 6.1     not the sample of lines and tests that it otherwise is
 *   npm run kernels -- --checks conformance --extensions LED,CLUSTERIP 6.1      what is chosen so makes no row
 *   npm run kernels -- --checks live --tests lock,table 6.1
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from './compile'
import { kernelIn, writeInitramfs } from './initramfs'
import { indexModules, releaseIn, unpack } from './layer'
import { runMachine } from './machine'
import { downloadOwn, type KernelPackage, Mirror } from './mirror'
import { type Trial, updatePage } from './page'
import { CHECKS, type CheckName, RESULTS_FILE, type Results, WANTED_FILE, type Wanted } from './results'

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
    scope: { type: 'string', default: 'sample' },
    extensions: { type: 'string' },
    tests: { type: 'string' },
    keep: { type: 'string' },
  },
})

function demand(): void {
  const missing = Object.entries(PROGRAMS).filter(([program]) => spawnSync('which', [program]).status !== 0)
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name).join(' ')
  throw new Error(`${missing.map(([program]) => program).join(', ')} not installed: apt-get install ${packages}`)
}

const inWords = (text: string): string[] => text.split(',')

function readWanted(): Wanted {
  const { scope, extensions, tests } = values
  const checks = inWords(values.checks)
  const unknown = checks.filter((name) => !(name in CHECKS))
  if (unknown.length > 0) throw new Error(`no check ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}`)
  if (scope !== 'sample' && scope !== 'whole') throw new Error(`no scope ${scope}; there are sample and whole`)
  return {
    checks: checks as CheckName[],
    scope,
    ...(extensions !== undefined && { extensions: inWords(extensions) }),
    ...(tests !== undefined && { tests: inWords(tests) }),
  }
}

/** What the guest's first program starts; the machine ends with it. */
const script = `cd ${ROOT}
export HOME=/root PATH=${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
ip link set lo up
node kernels/guest/guest.js /results 2>&1
dmesg >/results/dmesg
echo o >/proc/sysrq-trigger
sleep 60
`

async function tryKernel(
  { name }: KernelPackage,
  wanted: Wanted,
  mirror: Mirror,
  tools: readonly string[],
  scratch: string,
): Promise<Trial> {
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
  compile(join(layer, ROOT))
  writeFileSync(join(results, 'run'), script)
  writeFileSync(join(results, WANTED_FILE), JSON.stringify(wanted))
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
    // SECMARK takes no context without it. No policy is loaded, so it allows everything.
    parameters: 'security=selinux selinux=1',
    timeLimitMs: Number(values.minutes) * 60_000,
  })
  const file = join(results, RESULTS_FILE)
  const told: Results | undefined = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  if (values.keep === undefined) rmSync(directory, { recursive: true })
  const fault = ended ?? (told === undefined ? `the guest told nothing; see ${log}` : undefined)
  return { package: name, wanted, ...(told && { results: told }), ...(fault !== undefined && { fault }) }
}

async function main(): Promise<void> {
  demand()
  const wanted = readWanted()
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
      const trial = await tryKernel(one, wanted, mirror, tools, scratch)
      if (wanted.extensions === undefined && wanted.tests === undefined)
        updatePage(join(ROOT, 'docs/kernels.md'), trial)
      for (const { name, passed, failed, skipped, notes, done, parts, seconds } of trial.results?.checks ?? []) {
        console.log(`  ${CHECKS[name]}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`)
        if (done < parts) console.log(`    ${parts - done} of ${parts} parts not reached`)
        for (const note of notes) console.log(`    ${note}`)
        if (failed > 0) process.exitCode = 1
      }
      if (trial.fault === undefined) continue
      console.log(`  ${trial.fault}`)
      process.exitCode = 1
    }
  } finally {
    if (values.keep === undefined) rmSync(scratch, { recursive: true })
  }
}

// An exit ends the machine that runs; a signal alone would leave it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

void main()
