/** Every extension there is, and how to find one by what a person wrote or by what stands in a blob. */
import type { FamilyName } from '../abi/family'
import type { Extension, Kind, Variant } from './extension'
import { comment } from './matches/comment'
import { conntrack } from './matches/conntrack'
import { icmp } from './matches/icmp'
import { icmp6 } from './matches/icmp6'
import { iprange } from './matches/iprange'
import { mac } from './matches/mac'
import { mark } from './matches/mark'
import { set } from './matches/set'
import { state } from './matches/state'
import { tcp } from './matches/tcp'
import { udp } from './matches/udp'
import { CT } from './targets/CT'
import { LOG } from './targets/LOG'
import { MARK } from './targets/MARK'
import { MASQUERADE } from './targets/MASQUERADE'
import { NOTRACK } from './targets/NOTRACK'
import { REJECT } from './targets/REJECT'

export const matches = [comment, conntrack, icmp, icmp6, iprange, mac, mark, set, state, tcp, udp] as const
export const targets = [CT, LOG, MARK, MASQUERADE, NOTRACK, REJECT] as const

const all: readonly Extension[] = [...matches, ...targets]

/** An extension together with the struct that one family and revision of it has. */
export interface Known {
  readonly extension: Extension
  readonly variant: Variant
}

const written = new Map<string, Extension>()
for (const extension of all)
  for (const name of [extension.name, ...extension.aliases]) {
    const key = `${extension.kind} ${name}`
    if (written.has(key)) throw new Error(`${key} is declared twice`)
    written.set(key, extension)
  }

/** The extension of this name or alias, whatever its families. */
export const findExtension = (kind: Kind, name: string): Extension | undefined => written.get(`${kind} ${name}`)

/** Names of the extensions of a kind that a family has. */
export const extensionNames = (kind: Kind, family: FamilyName): string[] =>
  all.filter((one) => one.kind === kind && one.variants[family].length > 0).map((one) => one.name)

const blobKey = (kind: Kind, family: FamilyName, name: string, revision: number): string =>
  `${kind} ${family} ${name} ${revision}`

/** What a payload may be, those that demand fixed values first: they are faces of the plain one behind them. */
const inBlobs = new Map<string, Known[]>()
for (const extension of all)
  for (const variant of [...extension.variants.ipv4, ...extension.variants.ipv6]) {
    const key = blobKey(extension.kind, variant.family, extension.kernelName, variant.revision)
    const known = [...(inBlobs.get(key) ?? []), { extension, variant }]
    inBlobs.set(
      key,
      known.sort((a, b) => b.variant.fixed.length - a.variant.fixed.length),
    )
    const plain = known.filter((one) => one.variant.fixed.length === variant.fixed.length)
    if (plain.length > 1 && variant.fixed.length === 0) throw new Error(`${key} is declared twice`)
  }

/** Everything that payloads of this name and revision may be; empty for what is unknown here. */
export const knownPayloads = (kind: Kind, family: FamilyName, name: string, revision: number): readonly Known[] =>
  inBlobs.get(blobKey(kind, family, name, revision)) ?? []
