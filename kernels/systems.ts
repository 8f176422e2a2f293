/** What surrounds the kernel that is tried: the machine's own root file system, or one of another architecture. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { compile } from './compile'
import { linkUsr, unpack } from './layer'
import type { Machine } from './machine'
import type { Mirror } from './mirror'
import { copyProject } from './project'
import type { CheckName } from './results'

const ROOT = join(__dirname, '..')

export interface System {
  readonly architecture: Machine['architecture']
  /** As dpkg calls the architecture, and names of kernels end. */
  readonly debian: string
  readonly checks: readonly CheckName[]
  /** Where the guest finds the project and the directory of Node. */
  readonly project: string
  readonly node: string
  /** The directory that lies beneath the layer. */
  readonly beneath: (scratch: string) => string
  /** Puts into the layer of a kernel what is not beneath it. */
  readonly fill: (layer: string, mirror: Mirror, tools: readonly string[]) => void
}

/** The root file system of this machine, with the oracle on it. */
const x64: System = {
  architecture: 'x64',
  debian: 'amd64',
  checks: ['absent', 'quickstart', 'live', 'conformance'],
  project: ROOT,
  node: dirname(process.execPath),
  beneath: () => '/',
  fill(layer, _, tools) {
    unpack(layer, tools)
    compile(join(layer, ROOT))
  },
}

/** The release whose Node is the oldest that is new enough for us. */
const RELEASE = 'trixie'
const PACKAGES = ['dash', 'busybox-static', 'kmod', 'mount', 'nodejs']

/** Nothing but packages of Debian: there is no iptables, and what is emulated takes its time. */
const arm64: System = {
  architecture: 'arm64',
  debian: 'arm64',
  checks: ['absent', 'quickstart', 'rules'],
  project: '/project',
  node: '/usr/bin',
  beneath(scratch) {
    const empty = join(scratch, 'empty')
    mkdirSync(empty, { recursive: true })
    return empty
  },
  fill(layer, mirror) {
    unpack(layer, mirror.downloadWhole(RELEASE, ...PACKAGES))
    linkUsr(layer)
    copyProject(join(layer, arm64.project), 'linux-arm64-gnu')
    compile(join(layer, arm64.project))
  },
}

export const SYSTEMS: Readonly<Record<string, System>> = { x64, arm64 }
