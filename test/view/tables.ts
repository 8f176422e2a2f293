/** Tables for tests of views. */
import { type BackendName, MemoryKernel, restore, snapshot, type TableSnapshot } from '../../src/index'

export const TEXT = `*filter
:INPUT DROP [3:4]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:alone - [0:0]
:alone2 - [0:0]
:deep - [0:0]
:empty - [0:0]
:user - [0:0]
[5:6] -A INPUT -p tcp -m tcp --dport 22 -m comment --comment "the shell" -j user
[0:0] -A INPUT -g deep
[0:0] -A INPUT -j empty
[0:0] -A alone -j DROP
[0:0] -A alone2 -j alone
[18446744073709551615:7] -A deep -j LOG
[1:2] -A user -s 10.0.0.1/32 -j ACCEPT
[1:2] -A user -j deep
COMMIT
`

export function kernelWith(text = TEXT, backend: BackendName = 'legacy', ipv6 = false): MemoryKernel {
  const kernel = new MemoryKernel()
  restore(text, { kernel, backend, ipv6, counters: true })
  return kernel
}

export const tablesOf = (text = TEXT, backend: BackendName = 'legacy'): TableSnapshot[] =>
  snapshot({ kernel: kernelWith(text, backend), backend })

/** A filter table with one rule per line. */
export const filterOf = (...lines: readonly string[]): string =>
  `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${lines.join('\n')}\nCOMMIT\n`
