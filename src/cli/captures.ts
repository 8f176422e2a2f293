/** `capture` and `show`: the bytes of tables, in files. */
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

/** `capture`: a table's bytes as JSON; of nf_tables, what the kernel tells of it. */
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

/** `show`: the tables of a file with captures, as iptables-save -c prints them. */
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
