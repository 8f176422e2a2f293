/**
 * Debian's packages, from the mirror that apt is configured with here. The suites are read with a state of apt's own in
 * the scratch directory, so that nothing of the machine is changed.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where kernels are looked for; those of one version are the same whatever suite has them. */
const SUITES = ['bullseye', 'bookworm', 'bookworm-updates', 'bookworm-backports', 'trixie', 'trixie-backports', 'sid']

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The newest package of one version of the kernel, as `linux-image-6.1.0-56-amd64` of 6.1. */
export interface KernelPackage {
  /** As in `6.1`. */
  readonly version: string
  readonly name: string
}

const apt = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 })

/** Lines of a sources.list: what this machine has of Debian, security among it, and the suites above. */
function sources(): string[] {
  const format = '$(REPO_URI) $(CODENAME) $(ORIGIN) $(LABEL)'
  const lines = apt('apt-get', 'indextargets', '--format', format, 'Created-By: Packages').split('\n')
  const debian = lines.map((line) => line.split(' ')).filter(([, , origin]) => origin === 'Debian')
  const own = debian.map(([uri, suite]) => `${uri} ${suite}`)
  const mirrors = debian.filter(([, , , label]) => label === 'Debian').map(([uri]) => uri)
  if (mirrors.length === 0) throw new Error('apt has no mirror of Debian here; kernels come from one')
  const others = mirrors.flatMap((uri) => SUITES.map((suite) => `${uri} ${suite}`))
  return [...new Set([...own, ...others])].map((place) => `deb [signed-by=${KEYRING}] ${place} main`)
}

const PART_OF_KERNEL = /Depends: (linux-(?:binary|modules)-\S+)/g

/** A package that no suite has stands in angle brackets. */
const MISSING_PART = /Depends: <linux-(?:binary|modules)-/

/** Numbers count as numbers: 6.1.0-9 comes before 6.1.0-10. */
const byVersion = new Intl.Collator('en', { numeric: true }).compare

export class Mirror {
  readonly #scratch: string
  readonly #state: string
  readonly #options: readonly string[]

  /** @param architecture as dpkg calls it. */
  constructor(scratch: string, architecture: string) {
    this.#scratch = scratch
    const state = join(scratch, `apt-${architecture}`)
    this.#state = state
    for (const directory of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(state, directory), { recursive: true })
    writeFileSync(join(state, 'sources.list'), `${sources().join('\n')}\n`)
    writeFileSync(join(state, 'status'), '')
    const settings = {
      'Dir::Etc::sourcelist': join(state, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(state, 'lists'),
      'Dir::State::status': join(state, 'status'),
      'Dir::Cache': join(state, 'cache'),
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
    }
    this.#options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    apt('apt-get', ...this.#options, '-o', 'APT::Sandbox::User=root', 'update', '-q')
  }

  /**
   * The newest kernel of each version that the mirror has whole, of one flavour: `amd64`, `rt-amd64`, `arm64`. Mirrors go on
   * listing images whose modules they have dropped.
   */
  kernels(flavour: string): KernelPackage[] {
    const pattern = new RegExp(`^linux-image-(\\d+\\.\\d+)\\.\\d\\S*-${flavour}$`)
    const foreign = flavour.includes('-') ? /^$/ : /-(?:rt|cloud)-/
    const names = apt('apt-cache', ...this.#options, 'pkgnames', 'linux-image-')
      .split('\n')
      .sort(byVersion)
    const wanted = names.filter((name) => pattern.test(name) && !foreign.test(name))
    const newest = new Map(this.#whole(wanted).map((name) => [pattern.exec(name)?.[1] as string, name]))
    return [...newest].map(([version, name]) => ({ version, name }))
  }

  /** Those whose parts can all be had. */
  #whole(names: readonly string[]): string[] {
    const sections = apt('apt-cache', ...this.#options, 'depends', ...names).split(/^(?=\S)/m)
    return sections.filter((section) => !MISSING_PART.test(section)).map((section) => section.split('\n')[0] as string)
  }

  /** @returns the files of the packages of a kernel: since 7.0 its image and its modules are packages of their own. */
  downloadKernel({ name }: KernelPackage): string[] {
    const depends = apt('apt-cache', ...this.#options, 'depends', name)
    const parts = Array.from(depends.matchAll(PART_OF_KERNEL), ([, part]) => part as string)
    return this.download(name, ...parts)
  }

  /** @returns the files of packages of one release and of all that they need, for a machine that has none. */
  downloadWhole(suite: string, ...names: string[]): string[] {
    const directory = join(this.#state, 'cache/archives')
    const options = [...this.#options, '-o', 'APT::Sandbox::User=root', '-o', `APT::Default-Release=${suite}`]
    apt('apt-get', ...options, 'install', '-y', '-q', '--no-install-recommends', '--download-only', ...names)
    return readdirSync(directory).flatMap((file) => (file.endsWith('.deb') ? [join(directory, file)] : []))
  }

  /** @returns the files of packages, downloaded. */
  download(...names: string[]): string[] {
    return download(this.#scratch, this.#options, names)
  }
}

/** Packages of the release that this machine has, so that they run on its libraries. */
export const downloadOwn = (scratch: string, ...names: string[]): string[] => download(scratch, [], names)

function download(scratch: string, options: readonly string[], names: readonly string[]): string[] {
  const directory = mkdtempSync(join(scratch, 'packages-'))
  const args = [...options, '-o', 'APT::Sandbox::User=root', 'download', '-q', ...names]
  execFileSync('apt-get', args, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] })
  return readdirSync(directory).map((file) => join(directory, file))
}
