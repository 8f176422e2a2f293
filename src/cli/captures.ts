/** `capture` and `show`: write tables as they are in the kernel to files, and print such files. */
import type { FamilyName } from '../abi/family'
import type { BackendName } from '../backend/store'
import { captureTable, captureToJson } from '../kernel/capture'
import type { Kernel, NetlinkPort } from '../kernel/kernel'
import { MemoryKernel } from '../kernel/memory/memory-kernel'
import { captureNftTable, isNftCapture, nftCaptureToJson } from '../kernel/nft-capture'
import { tableText } from '../language/save'
import { CAPTURE, SHOW } from './applets/own-applets'
import { readWords } from './command-line'
import { type Io, type OpenKernel, readCaptures, tablesIn } from './open-kernel'

/** `capture`: prints a table as JSON: the bytes from ip_tables, or the messages from nf_tables. */
export function capture(args: string[], { kernel, writing }: OpenKernel, { stdout }: Pick<Io, 'stdout'>): void {
  const { values, positionals } = readWords(CAPTURE, args)
  const table = positionals[0] as string
  const family = familyOf(values)
  const json =
    writing.backend === 'nft'
      ? nftCaptureToJson(captureNftTable(kernel as Kernel & NetlinkPort, family, table))
      : captureToJson(captureTable(kernel, family, table))
  stdout(`${JSON.stringify(json, undefined, 1)}\n`)
}

/** `show`: prints the tables in a file of captures, in the format of iptables-save -c. */
export function show(args: string[], { stdout }: Pick<Io, 'stdout'>): void {
  const captures = readCaptures(readWords(SHOW, args).positionals[0] as string)
  for (const one of captures) {
    const { family, table } = one
    const place = { kernel: new MemoryKernel({ captures }), writing: { backend: backendOf(one) } }
    using handle = tablesIn(place, family).openTable(table)
    stdout(`# ${family}\n${tableText(handle.ruleset, handle.context, { counters: true })}`)
  }
}

const backendOf = (capture: object): BackendName => (isNftCapture(capture) ? 'nft' : 'legacy')

const familyOf = ({ ipv6 }: { ipv6?: boolean | undefined }): FamilyName => (ipv6 ? 'ipv6' : 'ipv4')
