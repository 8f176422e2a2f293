/** One virtual machine, from its start to its end. */
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, createWriteStream } from 'node:fs'

export interface Machine {
  readonly architecture: 'x64' | 'arm64'
  readonly kernel: string
  readonly initramfs: string
  /** Directories of the host by the name under which the guest mounts them. */
  readonly shares: Readonly<Record<string, { readonly path: string; readonly readonly: boolean }>>
  /** File for what the guest prints. */
  readonly log: string
  /** More words for the kernel. */
  readonly parameters?: string
  readonly timeLimitMs: number
}

const ARCHITECTURES = {
  x64: { program: 'qemu-system-x86_64', board: 'q35', console: 'ttyS0', emulated: 'max' },
  arm64: { program: 'qemu-system-aarch64', board: 'virt', console: 'ttyAMA0', emulated: 'cortex-a72' },
}

type Accelerator = 'kvm' | 'tcg'

function mayUseKvm(architecture: Machine['architecture']): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return process.arch === architecture
  } catch {
    return false
  }
}

const CPU_OF_KVM = 'host,arch-capabilities=off'

/** Words for a machine without devices. A kernel that panics restarts at once, and with that the machine ends. */
function bareWords({ architecture, kernel, parameters = '' }: Machine, accelerator: Accelerator): string[] {
  const { board, console, emulated } = ARCHITECTURES[architecture]
  return [
    ...['-machine', `${board},accel=${accelerator}`, '-cpu', accelerator === 'kvm' ? CPU_OF_KVM : emulated],
    ...['-smp', '2', '-m', '3072', '-kernel', kernel, '-append', `console=${console} quiet panic=-1 ${parameters}`],
    ...['-nodefaults', '-no-user-config', '-nographic', '-serial', 'stdio', '-no-reboot'],
  ]
}

function words(machine: Machine, accelerator: Accelerator): string[] {
  const shared = Object.entries(machine.shares).flatMap(([tag, { path, readonly }]) => {
    const access = readonly ? ',readonly=on' : ''
    return ['-virtfs', `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${access}`]
  })
  const bare = bareWords(machine, accelerator)
  return [...bare, '-initrd', machine.initramfs, '-device', 'virtio-rng-pci', ...shared]
}

const KVM_PROBE_MS = 20_000

/** A machine inside of a machine may have a KVM on which no kernel comes up; one that does panics without a root. */
function probe(machine: Machine): Accelerator {
  if (!mayUseKvm(machine.architecture)) return 'tcg'
  const { program } = ARCHITECTURES[machine.architecture]
  const options = { stdio: 'ignore', timeout: KVM_PROBE_MS, killSignal: 'SIGKILL' } as const
  return spawnSync(program, bareWords(machine, 'kvm'), options).status === 0 ? 'kvm' : 'tcg'
}

const chosen = new Map<Machine['architecture'], Accelerator>()

/** What one kernel found out holds for all. */
function chooseAccelerator(machine: Machine): Accelerator {
  const accelerator = chosen.get(machine.architecture) ?? probe(machine)
  chosen.set(machine.architecture, accelerator)
  return accelerator
}

/** @returns how it ended, in words; undefined where the guest switched itself off. */
export function runMachine(machine: Machine): Promise<string | undefined> {
  const { program } = ARCHITECTURES[machine.architecture]
  const log = createWriteStream(machine.log)
  const child = spawn(program, words(machine, chooseAccelerator(machine)), { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  return new Promise((resolve) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      end()
    }, machine.timeLimitMs)
    const done = (how: string | undefined): void => {
      clearTimeout(timer)
      process.off('exit', end)
      log.end(() => resolve(how))
    }
    child.once('error', (error) => done(`${program}: ${error.message}`))
    child.once('close', (code) => {
      if (late) done(`stopped after ${machine.timeLimitMs / 60_000} minutes`)
      else done(code === 0 ? undefined : `${program} ended with ${code}; see ${machine.log}`)
    })
  })
}
