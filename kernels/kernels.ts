/**
 * Boots kernels of Debian under qemu, runs the checks inside and writes docs/kernels.md. What is downloaded and made lies
 * in a scratch directory that is deleted at the end, or in the one that --keep names; nothing is installed.
 * Needs root, Linux, qemu, a mirror of Debian in apt's configuration, iptables and ipset.
 *
 *   npm run kernels                      every version that the mirror has
 *   npm run kernels -- 6.1 6.12          some of them; the rows of others stay as they are
 *   npm run kernels -- --flavour rt-amd64 6.1
 *   npm run kernels -- --architecture arm64 6.12
 *   npm run kernels -- --libc musl       on the kernel that is running, with a Node on musl
 *   npm run kernels -- --checks absent,quickstart --minutes 5 --keep /tmp/kernels 6.1
 *   npm run kernels -- --scope whole --minutes 180 6.1     not the sample of lines and tests that it otherwise is
 *   npm run kernels -- --checks conformance --extensions LED,CLUSTERIP 6.1      what is chosen so makes no row
 *   npm run kernels -- --checks live --tests lock,table 6.1
 *   npm run kernels -- --checks live --tests ipset,ipset-command --only '^hash:(mac|ip,mac|ip,mark) of' 6.1
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { release as runningRelease, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kernelIn, writeInitramfs } from './initramfs'
import { indexModules, releaseIn, unpack } from './layer'
import { runMachine } from './machine'
import { downloadOwn, type KernelPackage, Mirror } from './mirror'
import { makeMusl } from './musl/musl'
import { type Trial, updatePage } from './page'
import { CHECKS, type CheckName, RESULTS_FILE, type Results, WANTED_FILE, type Wanted } from './results'
import { SYSTEMS, type System } from './systems'

const ROOT = join(__dirname, '..')

/** What the guest has beside what is on this machine: a modprobe for the kernel, and objects that rules refer to. */
const TOOLS = ['busybox-static', 'kmod', 'libkmod2', 'nfacct', 'libnetfilter-acct1']

const PROGRAMS = {
  x64: { 'qemu-system-x86_64': 'qemu-system-x86', 'iptables-legacy': 'iptables', ipset: 'ipset' },
  arm64: { 'qemu-system-aarch64': 'qemu-system-arm' },
  musl: { cc: 'gcc' },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    architecture: { type: 'string', default: 'x64' },
    libc: { type: 'string', default: 'glibc' },
    flavour: { type: 'string' },
    checks: { type: 'string' },
    minutes: { type: 'string', default: '45' },
    scope: { type: 'string', default: 'sample' },
    extensions: { type: 'string' },
    tests: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'string' },
  },
})

function oneOf<T extends string>(what: string, value: string, known: readonly T[]): T {
  if (!(known as readonly string[]).includes(value))
    throw new Error(`no ${what} ${value}; there are ${known.join(', ')}`)
  return value as T
}

function demand(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([program]) => spawnSync('which', [program]).status !== 0)
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name).join(' ')
  throw new Error(`${missing.map(([program]) => program).join(', ')} not installed: apt-get install ${packages}`)
}

const inWords = (text: string): string[] => text.split(',')

function readWanted(possible: readonly CheckName[]): Wanted {
  const { checks, scope, extensions, tests, only } = values
  return {
    checks: checks === undefined ? possible : inWords(checks).map((name) => oneOf('check', name, possible)),
    scope: oneOf('scope', scope, ['sample', 'whole']),
    ...(extensions !== undefined && { extensions: inWords(extensions) }),
    ...(tests !== undefined && { tests: inWords(tests) }),
    ...(only !== undefined && { only }),
  }
}

function readResults(directory: string): Results | undefined {
  const file = join(directory, RESULTS_FILE)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function trialOf(name: string, wanted: Wanted, directory: string, ended: string | undefined): Trial {
  const results = readResults(directory)
  const fault = ended ?? (results === undefined ? 'the guest told nothing' : undefined)
  return { name, wanted, ...(results && { results }), ...(fault !== undefined && { fault }) }
}

/** What the guest's first program starts; the machine ends with it. */
const script = ({ project, node }: System): string => `cd ${project}
export HOME=/root PATH=${node}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
busybox ip link set lo up
node kernels/guest/guest.js /results 2>&1
busybox dmesg >/results/dmesg
echo o >/proc/sysrq-trigger
busybox sleep 60
`

interface Surroundings {
  readonly system: System
  readonly wanted: Wanted
  readonly mirror: Mirror
  readonly scratch: string
  /** Packages for this machine, and where they are unpacked. */
  readonly packages: readonly string[]
  readonly tools: string
}

async function tryKernel(kernel: KernelPackage, around: Surroundings): Promise<Trial> {
  const { name } = kernel
  const { system, wanted, mirror, scratch, packages, tools } = around
  const directory = join(scratch, name)
  const layer = join(directory, 'layer')
  const results = join(directory, 'results')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(results, { recursive: true })
  unpack(layer, mirror.downloadKernel(kernel))
  system.fill(layer, mirror, packages)
  const release = releaseIn(layer)
  indexModules(layer, release, tools)
  const initramfs = join(directory, 'initramfs')
  writeInitramfs(initramfs, layer, release, tools)
  writeFileSync(join(results, 'run'), script(system))
  writeFileSync(join(results, WANTED_FILE), JSON.stringify(wanted))
  const ended = await runMachine({
    architecture: system.architecture,
    kernel: kernelIn(layer, release),
    initramfs,
    shares: {
      host: { path: system.beneath(scratch), readonly: true },
      layer: { path: layer, readonly: true },
      results: { path: results, readonly: false },
    },
    log: join(directory, 'console.log'),
    // SECMARK takes no context without it. No policy is loaded, so it allows everything.
    parameters: 'security=selinux selinux=1',
    timeLimitMs: Number(values.minutes) * 60_000,
  })
  const trial = trialOf(name, wanted, results, ended)
  if (values.keep === undefined) rmSync(directory, { recursive: true })
  return trial
}

/** The kernel is the one that is running, and what is tried is the library on another libc. */
function tryMusl(wanted: Wanted, mirror: Mirror, scratch: string): Trial {
  const { node, project } = makeMusl(scratch, mirror)
  const results = join(scratch, 'results')
  mkdirSync(results, { recursive: true })
  writeFileSync(join(results, WANTED_FILE), JSON.stringify(wanted))
  const { status } = spawnSync('unshare', ['-n', node, 'kernels/guest/guest.js', results], {
    cwd: project,
    stdio: 'inherit',
    timeout: Number(values.minutes) * 60_000,
    env: { ...process.env, XTABLES_LOCKFILE: join(scratch, 'lock') },
  })
  const [version] = runningRelease().split('-')
  return trialOf(`musl, on Linux ${version}`, wanted, results, status === 0 ? undefined : `node ended with ${status}`)
}

/** Whether it is more particular than what the page has rows for. */
const isChosen = ({ extensions, tests, only }: Wanted): boolean =>
  [extensions, tests, only].some((choice) => choice !== undefined)

function report(trial: Trial): void {
  const { wanted, results, fault } = trial
  if (!isChosen(wanted)) updatePage(join(ROOT, 'docs/kernels.md'), trial)
  for (const { name, passed, failed, skipped, notes, done, parts, seconds } of results?.checks ?? []) {
    console.log(`  ${CHECKS[name]}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`)
    if (done < parts) console.log(`    ${parts - done} of ${parts} parts not reached`)
    for (const note of notes) console.log(`    ${note}`)
    if (failed > 0) process.exitCode = 1
  }
  if (fault === undefined) return
  console.log(`  ${fault}`)
  process.exitCode = 1
}

async function tryKernels(scratch: string): Promise<void> {
  const architecture = oneOf('architecture', values.architecture, ['x64', 'arm64'])
  demand(PROGRAMS[architecture])
  const system = SYSTEMS[architecture] as System
  const wanted = readWanted(system.checks)
  const mirror = new Mirror(scratch, system.debian)
  const found = mirror.kernels(values.flavour ?? system.debian)
  const versions = positionals.map((one) =>
    oneOf(
      'kernel',
      one,
      found.map(({ version }) => version),
    ),
  )
  const packages = downloadOwn(scratch, ...TOOLS)
  const tools = join(scratch, 'tools')
  rmSync(tools, { recursive: true, force: true })
  unpack(tools, packages)
  for (const one of found.filter(({ version }) => versions.length === 0 || versions.includes(version))) {
    console.log(`${one.name} …`)
    report(await tryKernel(one, { system, wanted, mirror, scratch, packages, tools }))
  }
}

async function main(): Promise<void> {
  const scratch = values.keep ?? mkdtempSync(join(tmpdir(), 'xtables-kernels-'))
  mkdirSync(scratch, { recursive: true })
  // Packages come with the modes that they have; the directory is nobody else's.
  chmodSync(scratch, 0o755)
  try {
    if (oneOf('libc', values.libc, ['glibc', 'musl']) === 'glibc') return await tryKernels(scratch)
    demand(PROGRAMS.musl)
    report(tryMusl(readWanted(['quickstart', 'rules']), new Mirror(scratch, 'amd64'), scratch))
  } finally {
    if (values.keep === undefined) rmSync(scratch, { recursive: true })
  }
}

// An exit ends the machine that runs; a signal alone would leave it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

void main()
