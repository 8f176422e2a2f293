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
import type { Outcome } from './run-program'

type Applet = (args: readonly string[], family: FamilyName, io: Io) => number

/** On ip_tables, unless a backend is given. */
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

/** Runs iptables or ip6tables; by default on the kernel of the machine. */
export const ourIptables = (
  family: FamilyName,
  args: readonly string[],
  kernel: Kernel = new LinuxKernel(),
  backend?: BackendName,
): Outcome => run(runIptables, family, args, '', kernel, backend)

/** Runs iptables-restore or ip6tables-restore; by default on the kernel of the machine. */
export const ourRestore = (
  family: FamilyName,
  args: readonly string[],
  input: string,
  kernel: Kernel = new LinuxKernel(),
  backend?: BackendName,
): Outcome => run(runRestore, family, args, input, kernel, backend)

/** Runs iptables-save or ip6tables-save. */
export const ourSave = (
  family: FamilyName,
  args: readonly string[],
  kernel: Kernel = new LinuxKernel(),
  backend?: BackendName,
): Outcome => run(runSave, family, args, '', kernel, backend)

/** Runs iptables-xml, which needs no kernel. */
export function ourXml(args: readonly string[], input: string): Outcome {
  const [out, errors]: [string[], string[]] = [[], []]
  const status = runXml(args, {
    stdout: (text) => void out.push(text),
    stderr: (text) => void errors.push(text),
    stdin: () => input,
  })
  return { status, stdout: out.join(''), stderr: errors.join('') }
}
