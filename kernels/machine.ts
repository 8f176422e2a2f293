/** One virtual machine, from its start to its end. */
import { spawn } from 'node:child_process'
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

function hasKvm(architecture: Machine['architecture']): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return process.arch === architecture
  } catch {
    return false
  }
}

function words({ architecture, kernel, initramfs, shares, parameters = '' }: Machine): string[] {
  const { board, console, emulated } = ARCHITECTURES[architecture]
  const kvm = hasKvm(architecture)
  const shared = Object.entries(shares).flatMap(([tag, { path, readonly }]) => {
    const access = readonly ? ',readonly=on' : ''
    return ['-virtfs', `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${access}`]
  })
  // A kernel that panics restarts at once, and with that the machine ends.
  const append = `console=${console} quiet panic=-1 ${parameters}`
  return [
    ...[
      '-machine',
      `${board},accel=${kvm ? 'kvm' : 'tcg'}`,
      '-cpu',
      kvm ? 'host' : emulated,
      '-smp',
      '2',
      '-m',
      '3072',
    ],
    ...['-kernel', kernel, '-initrd', initramfs, '-append', append, ...shared],
    ...['-nodefaults', '-no-user-config', '-nographic', '-serial', 'stdio', '-no-reboot', '-device', 'virtio-rng-pci'],
  ]
}

/** @returns how it ended, in words; undefined where the guest switched itself off. */
export function runMachine(machine: Machine): Promise<string | undefined> {
  const { program } = ARCHITECTURES[machine.architecture]
  const log = createWriteStream(machine.log)
  const child = spawn(program, words(machine), { stdio: ['ignore', 'pipe', 'pipe'] })
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
