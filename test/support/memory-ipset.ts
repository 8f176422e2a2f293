/** Runs `xtables ipset` on the in-process kernel. */
import { runIpset } from '../../src/cli/ipset'
import type { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import type { Said } from '../cli/run'

export function ipset(kernel: MemoryKernel, words: readonly string[], input = ''): Said {
  const said = { stdout: '', stderr: '' }
  const status = runIpset(
    words,
    { kernel },
    {
      stdout: (text) => {
        said.stdout += text
      },
      stderr: (text) => {
        said.stderr += text
      },
      stdin: () => input,
      lines: () => [],
    },
  )
  return { status, ...said }
}
