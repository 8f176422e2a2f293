/** Watching and `xtables monitor` without Linux: replays recorded messages of the kernel, complete and damaged. */
import { ERRNO } from '../../src/abi/errno'
import { NFNLGRP } from '../../src/abi/nfnetlink'
import { IptcError, type NetlinkRecording, replayNetlink } from '../../src/index'
import type { NetlinkEvent } from '../../src/netlink/record'
import { Random } from '../kernel/random'
import { monitoredAt, readWatchFixture, watchedAt } from '../support/watch-fixture'

const { watched, monitored } = readWatchFixture()

test('replays the watching of a table: changes in order, and the loss of some', async () => {
  expect(await watchedAt(replayNetlink(watched.recording), watched.events.length)).toEqual(watched.events)
  const kinds = watched.events.map((event) => (event as { kind: string }).kind)
  expect(new Set(kinds)).toEqual(
    new Set([
      ...['rule-added', 'rule-replaced', 'rule-deleted', 'chain-added', 'chain-deleted', 'chain-renamed'],
      ...['policy-changed', 'table-added', 'table-deleted', 'table-changed', 'resync'],
    ]),
  )
})

test('monitor prints the same for the replay: changes of all families, and the path of a packet', async () => {
  const lines = await monitoredAt(replayNetlink(monitored.recording), monitored.lines.length)
  expect(lines).toEqual(monitored.lines)
  const text = lines.join('')
  for (const part of [
    'PACKET: 2 ',
    'filter:INPUT:rule:0x5:JUMP:a  -4 -t filter -A INPUT -p udp -j a',
    ' -6 -t filter -A INPUT',
    '# nft: inet',
  ])
    expect(text).toContain(part)
})

/** The recording with other events on the listening socket. */
const listening = (
  { sockets }: NetlinkRecording,
  change: (events: readonly NetlinkEvent[]) => readonly NetlinkEvent[],
): NetlinkRecording => ({
  sockets: sockets.map((socket) => {
    const isListening = socket.events.some(([what, group]) => what === 'join' && group === NFNLGRP.NFTABLES)
    return isListening ? { ...socket, events: change(socket.events) } : socket
  }),
})

/** The index of the first message on the listening socket. */
const firstTold = (events: readonly NetlinkEvent[]): number =>
  events.findIndex(([what, bytes]) => what === 'receive' && bytes !== null)

test('an invalid message ends it with an error that says so', async () => {
  const cut = listening(watched.recording, (events) =>
    events.map((event, i): NetlinkEvent => {
      const [what, bytes] = event
      return i === firstTold(events) && what === 'receive' ? [what, (bytes as string).slice(0, 20)] : event
    }),
  )
  await expect(watchedAt(replayNetlink(cut), 1)).rejects.toThrow(/message/)
  await expect(
    monitoredAt(
      replayNetlink(
        listening(monitored.recording, (events) => [...events.slice(0, firstTold(events)), ['receive', 'AAAA']]),
      ),
      1,
    ),
  ).rejects.toThrow(/message/)
})

test('socket errors other than a loss are thrown', async () => {
  const failing = listening(watched.recording, (events) => [
    ...events.slice(0, firstTold(events)),
    ['fail', ERRNO.EBADF],
  ])
  await expect(watchedAt(replayNetlink(failing), 1)).rejects.toMatchObject({ errno: ERRNO.EBADF })
})

test('monitor says that messages were lost, and continues', async () => {
  const { sockets } = monitored.recording
  const at = sockets.findIndex(({ events }) => events.some(([what]) => what === 'join'))
  const { protocol, events = [] } = sockets[at] ?? { protocol: 0 }
  const joins = events.filter(([what]) => what === 'join')
  const lost = [...joins, ['fail', ERRNO.ENOBUFS]] as const satisfies readonly NetlinkEvent[]
  const again = { sockets: sockets.toSpliced(at, 0, { protocol, events: lost }) }
  const [first, ...others] = await monitoredAt(replayNetlink(again), monitored.lines.length)
  expect(first).toBe('# messages were lost: more was changed, or traced, than there was room for\n')
  expect(others).toEqual(monitored.lines)
})

test('changed bytes give other output, or cause our error', async () => {
  const random = new Random(7)
  for (let round = 0; round < 300; round++) {
    const mutated = listening(watched.recording, (events) =>
      events.map((event): NetlinkEvent => {
        if (event[0] !== 'receive' || event[1] === null || random.below(4) > 0) return event
        const bytes = Buffer.from(event[1], 'base64')
        bytes[random.below(bytes.length)] = random.below(256)
        return ['receive', bytes.toString('base64')]
      }),
    )
    await watchedAt(replayNetlink(mutated), watched.events.length).catch((error: unknown) => {
      expect(error).toBeInstanceOf(IptcError)
    })
  }
})
