import { IptcError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import { commands } from '../../src/ipset/messages'
import { SET_TYPES } from '../../src/ipset/types'
import { type NetlinkConnection, NetlinkFailure, type NetlinkPort } from '../../src/kernel/kernel'
import { messagesIn, readMessage } from '../../src/netlink/message'
import { type NetlinkEvent, replayNetlink } from '../../src/netlink/record'
import { Random } from '../kernel/random'
import { entryWords } from '../support/ipset'
import { setFixtures, useSet } from '../support/set-fixtures'

const MUTATIONS = Number(process.env['XTABLES_TEST_MUTATIONS'] ?? 20_000)

test('every type was recorded in every family', () => {
  const types = new Set(setFixtures.map(({ type, family }) => `${type} ${family}`))
  const known = Object.entries(SET_TYPES).flatMap(([type, { families }]) => families.map((one) => `${type} ${one}`))
  expect([...types].sort()).toEqual(known.sort())
})

describe.each(setFixtures.map((fixture) => [`${fixture.type} of ${fixture.family}`, fixture] as const))(
  '%s',
  (_, fixture) => {
    test('sends what it sent when it was recorded, and gets the same results', () => {
      expect(useSet(replayNetlink(fixture.recording), fixture)).toEqual(fixture.found)
    })

    test('lists what ipset saved', () => {
      const [, listed] = fixture.found as [unknown, Record<string, unknown>[]]
      // A second may have passed between the two, and ipset does not print zeros of skbinfo.
      const saved = fixture.saved.slice(1).map((line) => line.replace(/^add set /, ''))
      expect(saved).toHaveLength(listed.length)
      const words = listed.map((entry) => entryWords(entry)[0] as string)
      expect(
        saved
          .map((line) => line.split(' ')[0])
          .map(canonical)
          .sort(),
      ).toEqual(words.map(canonical).sort())
    })
  },
)

/**
 * ipset names ICMP types and protocols differently, and prints MAC addresses in capitals and marks with leading zeros.
 */
const canonical = (word = ''): string =>
  word
    .toLowerCase()
    .replace(/,(icmp|icmpv6|ipv6-icmp):[^,]+/, ',icmp')
    .replace(/,[a-z-]{3,}:/, ',')
    .replace(/,0x0*(?=[\da-f])/, ',0x')

/** A kernel that answers every request with recorded messages, damaged by `spoil`. */
function spoilt(events: readonly NetlinkEvent[], spoil: (bytes: Uint8Array) => Uint8Array): NetlinkPort {
  const answers = events.flatMap(([what, value]) => (what === 'receive' && value !== null ? [value] : []))
  let next = 0
  const connection: NetlinkConnection = {
    send() {},
    async sendAsync() {},
    receive() {
      const answer = answers[next++]
      return answer === undefined ? undefined : spoil(new Uint8Array(Buffer.from(answer, 'base64')))
    },
    join() {
      throw new NetlinkFailure(22)
    },
    close() {},
  }
  return { description: 'spoilt', netlink: () => connection }
}

/** Changes one byte or the length, mostly at a place that matters. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length || 1)
  const copy = bytes.slice()
  switch (random.below(6)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      copy[at] = random.below(256)
      return copy
    case 2:
      copy[at & ~3] = random.pick([0, 1, 3, 4, 5, 8, 255])
      return copy
    case 3:
      copy[(at & ~3) + 2] = random.below(32)
      return copy
    case 4:
      return new Uint8Array(
        Buffer.concat([bytes.subarray(0, at & ~3), bytes.subarray(random.below(bytes.length) & ~3)]),
      )
    default:
      copy.copyWithin(at, random.below(bytes.length), Math.min(bytes.length, at + 16))
      return copy
  }
}

test('damaged answers only cause our errors', () => {
  const random = new Random(Number(process.env['XTABLES_TEST_SEED'] ?? 1))
  const reads = Object.values(commands) as (typeof commands.list)[]
  const answers = setFixtures.flatMap(({ recording }) =>
    recording.sockets.flatMap(({ events }) =>
      events.flatMap(([what, value]) =>
        what === 'receive' && value !== null ? [new Uint8Array(Buffer.from(value as string, 'base64'))] : [],
      ),
    ),
  )
  let [read, refused] = [0, 0]
  for (let i = 0; i < MUTATIONS; i++) {
    let bytes: Uint8Array = random.pick(answers)
    for (let more = random.below(3); more >= 0; more--) bytes = mutated(bytes, random)
    try {
      for (const message of messagesIn(bytes)) {
        const kind = reads.find(({ type }) => type === message.type)
        if (kind !== undefined) readMessage(kind, message)
      }
      read++
    } catch (error) {
      if (!(error instanceof IptcError)) throw error
      refused++
    }
  }
  // The test only means something if both happen often.
  expect(read).toBeGreaterThan(MUTATIONS / 10)
  expect(refused).toBeGreaterThan(MUTATIONS / 10)
})

test('nonsense from the kernel only causes our errors', () => {
  const random = new Random(7)
  let failed = 0
  for (let i = 0; i < MUTATIONS / 20; i++) {
    const { type, options, entries, recording } = random.pick(setFixtures)
    const spoil = (bytes: Uint8Array): Uint8Array => (random.below(4) === 0 ? mutated(bytes, random) : bytes)
    const kernel = spoilt(
      recording.sockets.flatMap(({ events }) => events),
      spoil,
    )
    try {
      const set = IpSet.create('set', type, options as never, { kernel })
      set.add(entries.slice(0, 3) as never, { exist: true })
      set.list()
      set.header()
    } catch (error) {
      if (!(error instanceof IptcError)) throw error
      failed++
    }
  }
  expect(failed).toBeGreaterThan(MUTATIONS / 100)
})
