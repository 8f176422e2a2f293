/** Recorded exchanges with a kernel about sets, with the output of ipset. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'
import { IpSet } from '../../src/ipset/ip-set'
import type { SetTypeName } from '../../src/ipset/types'
import type { NetlinkPort } from '../../src/kernel/kernel'
import type { NetlinkRecording } from '../../src/netlink/record'
import { ALL_EXTENSIONS, type Entry } from './ipset'

export interface SetFixture {
  readonly type: SetTypeName
  readonly family: FamilyName | 'any'
  /** `ipset --version` and the kernel's release. */
  readonly writtenBy: string
  readonly options: Entry
  readonly entries: readonly Entry[]
  /** The lines of the output of `ipset save`. */
  readonly saved: readonly string[]
  /** The result of {@link useSet}. */
  readonly found: unknown
  readonly recording: NetlinkRecording
}

const DIRECTORY = join(__dirname, '../../fixtures/ipset')

/** Counts of entries have 64 bits, which JSON does not support. */
const fromJson = (_: string, value: unknown): unknown =>
  typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value
const toJson = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)

export function writeSetFixture(fixture: SetFixture): void {
  mkdirSync(DIRECTORY, { recursive: true })
  const name = `${fixture.type.replace(/[:,]/g, '-')}-${fixture.family}.json`
  writeFileSync(join(DIRECTORY, name), `${JSON.stringify(fixture, toJson, 1)}\n`)
}

export const setFixtures: readonly SetFixture[] = readdirSync(DIRECTORY).map((name) =>
  JSON.parse(readFileSync(join(DIRECTORY, name), 'utf8'), fromJson),
)

export const EXTENDED: Entry = ALL_EXTENSIONS

const errorOf = (body: () => unknown): unknown => {
  try {
    return body()
  } catch (error) {
    return (error as Error).message
  }
}

/** Uses every operation on a set, always in the same order. @returns the results */
export function useSet(
  kernel: NetlinkPort,
  { type, options, entries }: Pick<SetFixture, 'type' | 'options' | 'entries'>,
  between: () => void = () => {},
): unknown {
  const set = IpSet.create('set', type, options as never, { kernel }) as unknown as IpSet
  set.add(entries as never, { exist: true })
  between()
  const [first] = entries
  const listed = set.list()
  const { initval: _, ...told } = set.header().options as Entry
  const outcomes = [
    told,
    listed,
    IpSet.open('set', { kernel }).type,
    errorOf(() => set.test(listed[0] as never)),
    errorOf(() => set.add(listed[0] as never)),
    errorOf(() => set.remove(listed[0] as never)),
    errorOf(() => set.remove(listed[0] as never)),
    errorOf(() => set.add(first as never, { exist: true })),
    errorOf(() => set.flush()),
    set.list(),
    IpSet.names({ kernel }),
    errorOf(() => IpSet.create('set', type, options as never, { kernel })),
    errorOf(() => set.rename('other')),
    errorOf(() => IpSet.open('set', { kernel })),
    errorOf(() => set.destroy()),
  ]
  return JSON.parse(JSON.stringify(outcomes, toJson), fromJson)
}
