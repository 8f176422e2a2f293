/** Runs our commands in this process, as the executable would. */
import type { FamilyName } from '../../src/abi/family'
import type { BackendName } from '../../src/backend/store'
import { runIptables } from '../../src/cli/iptables'
import { type Io, tablesIn } from '../../src/cli/open-kernel'
import { runRestore } from '../../src/cli/restore'
import { runSave } from '../../src/cli/save'
import { runXml } from '../../src/cli/xml'
import type { Kernel } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import type { Outcome } from './oracle'

type Applet = (args: readonly string[], family: FamilyName, io: Io) => number

/** Of ip_tables unless said. */
function run(
  applet: Applet,
  family: FamilyName,
  args: readonly string[],
  input: string,
  kernel: Kernel,
  backend: BackendName = 'legacy',
): Outcome {
  const [out, errors]: [string[], string[]] = [[], []]
  const status = applet(args, family, {
    stdout: (text) => void out.push(text),
    stderr: (text) => void errors.push(text),
    stdin: () => input,
    ...tablesIn({ kernel, writing: { backend } }, family),
  })
  return { status, stdout: out.join(''), stderr: errors.join('') }
}

/** iptables, or with the family its kin; on the kernel of the machine unless said. */
export const ourIptables = (
  family: FamilyName,
  args: readonly string[],
  kernel: Kernel = new LinuxKernel(),
  backend?: BackendName,
): Outcome => run(runIptables, family, args, '', kernel, backend)

/** iptables-restore, or with the family its kin; on the kernel of the machine unless said. */
export const ourRestore = (
  family: FamilyName,
  args: readonly string[],
  input: string,
  kernel: Kernel = new LinuxKernel(),
  backend?: BackendName,
): Outcome => run(runRestore, family, args, input, kernel, backend)

/** iptables-save, or with the family its kin. */
export const ourSave = (
  family: FamilyName,
  args: readonly string[],
  kernel: Kernel = new LinuxKernel(),
  backend?: BackendName,
): Outcome => run(runSave, family, args, '', kernel, backend)

/** iptables-xml, which asks no kernel. */
export function ourXml(args: readonly string[], input: string): Outcome {
  const [out, errors]: [string[], string[]] = [[], []]
  const status = runXml(args, {
    stdout: (text) => void out.push(text),
    stderr: (text) => void errors.push(text),
    stdin: () => input,
  })
  return { status, stdout: out.join(''), stderr: errors.join('') }
}
