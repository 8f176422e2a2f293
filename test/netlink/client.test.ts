import { unsubscribe as unwatch, subscribe as watch } from 'node:diagnostics_channel'
import { ERRNO } from '../../src/abi/errno'
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_NOOP, NLMSG_OVERRUN } from '../../src/abi/netlink'
import { ConflictError, IptcError, KernelError, MessageError, NetlinkError, PermissionError } from '../../src/errors'
import { NetlinkFailure } from '../../src/kernel/kernel'
import { NetlinkClient } from '../../src/netlink/client'
import { type Message, messagesIn, readMessage } from '../../src/netlink/message'
import { recordNetlink, replayNetlink } from '../../src/netlink/record'
import { explain, Refusal } from '../../src/netlink/refusal'
import { subscribe } from '../../src/netlink/subscribe'
import { caught } from '../support/caught'
import { ack, asking, done, kind, packet, part, ScriptedPort } from './port'

const clientOf = (answer?: ScriptedPort['answer']): [NetlinkClient, ScriptedPort] => {
  const port = new ScriptedPort(answer)
  return [new NetlinkClient(port, 12), port]
}
const only = (messages: Message[]): Message => messages[0] as Message
const valuesOf = (messages: readonly Message[]) => messages.map((message) => readMessage(kind, message).values)

test('a request has a number, and is acknowledged', () => {
  const [client, port] = clientOf()
  expect(client.request(asking({ number: 5 }))).toEqual([])
  client.request(asking())
  expect(port.sent.map((messages) => only(messages).sequence)).toEqual([1, 2])
  expect(only(port.sent[0] ?? []).flags).toBe(NLM_F_REQUEST | NLM_F_ACK)
  expect(valuesOf(port.sent[0] ?? [])).toEqual([{ number: 5 }])
  expect(port.opened).toBe(1)
})

test('answers before the acknowledgement are returned; messages without content are not', () => {
  const [client] = clientOf((messages) => [
    new Uint8Array(Buffer.concat([packet(NLMSG_NOOP, 0, new Uint8Array()), part(1, { text: 'a' })])),
    part(1, { text: 'b' }),
    ack(only(messages)),
  ])
  expect(valuesOf(client.request(asking()))).toEqual([{ text: 'a' }, { text: 'b' }])
})

test('a refusal has the errno, and the message as returned by the kernel', () => {
  const [client, port] = clientOf((messages) => [ack(only(messages), ERRNO.EEXIST)])
  const refusal = caught(() => client.request(asking({ text: 'x' }))) as Refusal
  expect(refusal).toBeInstanceOf(Refusal)
  expect(refusal.errno).toBe(ERRNO.EEXIST)
  expect(refusal.echo && readMessage(kind, refusal.echo).values).toEqual({ text: 'x' })
  expect(explain(refusal)).toMatchObject({
    errnoName: 'EEXIST',
    operation: 'TEST',
    reason: undefined,
    attribute: undefined,
  })
  // The socket can still be used.
  port.answer = (messages) => messages.map((message) => ack(message))
  client.request(asking())
  expect(port.opened).toBe(1)
})

/** Attributes of an extended acknowledgement: text, offset, missing type, and the nest in which it is missing. */
const details = (text: string, offset?: number, missing?: number, nest?: number): Uint8Array => {
  const u32 = (type: number, value: number | undefined) =>
    value === undefined ? [] : [Buffer.from([8, 0, type, 0, value & 255, value >> 8, 0, 0])]
  const message = Buffer.from(`${text}\0`)
  const padded = Buffer.concat([Buffer.from([4 + message.length, 0, 1, 0]), message, Buffer.alloc(-message.length & 3)])
  return new Uint8Array(Buffer.concat([padded, ...u32(2, offset), ...u32(5, missing), ...u32(6, nest)]))
}

test.each<[string, Uint8Array, string | undefined, string]>([
  ['only words', details('odd'), undefined, 'TEST: EINVAL (errno 22): odd'],
  ['an attribute', details('odd', 20), 'number', 'TEST: EINVAL (errno 22): number: odd'],
  ['an attribute in a nest', details('odd', 32), 'inner.byte', 'TEST: EINVAL (errno 22): inner.byte: odd'],
  ['one that is missing', details('missing', undefined, 2), 'text', 'TEST: EINVAL (errno 22): text: missing'],
  [
    'one that a nest lacks',
    details('missing', undefined, 2, 28),
    'inner.other',
    'TEST: EINVAL (errno 22): inner.other: missing',
  ],
])('an extended acknowledgement becomes the reason: %s', (_, more, name, message) => {
  const [client] = clientOf((messages) => [ack(only(messages), ERRNO.EINVAL, more)])
  const refusal = caught(() => client.request(asking({ number: 1, inner: { byte: 2 } }))) as Refusal
  expect(refusal.attribute).toBe(name)
  const error = explain(refusal)
  expect(error).toBeInstanceOf(NetlinkError)
  expect(error.message).toBe(message)
})

test('a missing privilege is a PermissionError', () => {
  const [client] = clientOf((messages) => [ack(only(messages), ERRNO.EPERM)])
  expect(explain(caught(() => client.request(asking())) as Refusal)).toBeInstanceOf(PermissionError)
})

test('a batch is sent at once, and each message has its own outcome, in whatever order the answers arrive', () => {
  const [client, port] = clientOf((messages) => [
    new Uint8Array(Buffer.concat(messages.map((message, i) => ack(message, i === 1 ? ERRNO.ENOENT : 0)).reverse())),
  ])
  const outcomes = client.batch([asking(), asking(), asking()])
  expect(outcomes.map(({ refusal }) => refusal?.errno)).toEqual([undefined, ERRNO.ENOENT, undefined])
  expect(port.sent.map((messages) => messages.map(({ sequence }) => sequence))).toEqual([[1, 2, 3]])
})

test('a large batch is sent in parts', async () => {
  const [client, port] = clientOf()
  expect(client.batch(Array.from({ length: 150 }, () => asking()))).toHaveLength(150)
  expect(port.sent.map((messages) => messages.length)).toEqual([64, 64, 22])
  port.sent.length = 0
  expect(await client.batchAsync(Array.from({ length: 3 }, () => asking({ text: 'x'.repeat(40000) })))).toHaveLength(3)
  expect(port.sent.map((messages) => messages.length)).toEqual([1, 1, 1])
})

test('two at the same time are refused', async () => {
  const [client] = clientOf()
  const first = client.batchAsync([asking()])
  expect(() => client.batch([asking()])).toThrow(/busy with another operation/)
  await first
  expect(client.batch([asking()])).toHaveLength(1)
})

test.each<[string, ScriptedPort['answer'], new (...args: never[]) => Error, RegExp]>([
  ['of another request', () => [part(7)], MessageError, /answer to request 7; sent were 1 to 1/],
  ['that is cut off', (messages) => [ack(only(messages)).slice(0, 30)], MessageError, /36 bytes, but only 30 are left/],
  ['too short for what it is', () => [packet(2, 1, new Uint8Array(8))], MessageError, /too few for NLMSG_ERROR/],
  ['that never comes', () => [], KernelError, /EAGAIN.*does not answer/],
  ['that was lost', () => [ERRNO.ENOBUFS], KernelError, /ENOBUFS.*some of it is lost/],
  ['that was lost, as it says itself', () => [packet(NLMSG_OVERRUN, 1, new Uint8Array())], KernelError, /ENOBUFS/],
  ['too long for us', () => [ERRNO.EMSGSIZE], KernelError, /EMSGSIZE/],
])('an answer %s is an error, and closes the socket', (_, answer, type, reason) => {
  const [client, port] = clientOf(answer)
  const error = caught(() => client.request(asking())) as Error
  expect(error).toBeInstanceOf(type)
  expect(error).toBeInstanceOf(IptcError)
  expect(error.message).toMatch(reason)
  expect(port.closed).toBe(1)
  port.answer = (messages) => messages.map((message) => ack(message))
  client.request(asking())
  expect(port.opened).toBe(2)
})

test('a dump has many parts, and a socket of its own', () => {
  const [client, port] = clientOf(() => [
    new Uint8Array(Buffer.concat([part(1, { number: 1 }), part(1, { number: 2 })])),
    new Uint8Array(Buffer.concat([part(1, { number: 3 }), done(1)])),
  ])
  expect(valuesOf(client.dumpAll(asking())).map(({ number }) => number)).toEqual([1, 2, 3])
  expect(only(port.sent[0] ?? []).flags).toBe(NLM_F_REQUEST | NLM_F_DUMP)
  expect([port.opened, port.closed]).toEqual([1, 1])
})

test('ending a dump early closes its socket', () => {
  const [client, port] = clientOf(() => [part(1, { number: 1 }), part(1, { number: 2 }), done(1)])
  for (const messages of client.dump(asking())) {
    expect(valuesOf(messages)).toEqual([{ number: 1 }])
    break
  }
  expect([port.opened, port.closed]).toEqual([1, 1])
})

test.each([
  ['what changed meanwhile', () => [part(1, { number: 1 }), part(1, { number: 9 }, NLM_F_DUMP_INTR), done(1)]],
  ['what was lost', () => [part(1, { number: 1 }), ERRNO.ENOBUFS]],
])('a dump is repeated: %s', (_, spoilt) => {
  const [client, port] = clientOf((_messages, socket) => (socket < 3 ? spoilt() : [part(1, { number: 7 }), done(1)]))
  expect(valuesOf(client.dumpAll(asking()))).toEqual([{ number: 7 }])
  expect([port.opened, port.closed]).toEqual([3, 3])
})

test('a dump that always changes is a ConflictError in the end', () => {
  const [client, port] = clientOf(() => [part(1, {}, NLM_F_DUMP_INTR), done(1)])
  expect(() => client.dumpAll(asking())).toThrow(ConflictError)
  expect(port.opened).toBe(16)
})

test('a dump that is read in parts is not repeated', () => {
  const [client, port] = clientOf(() => [part(1, {}, NLM_F_DUMP_INTR), done(1)])
  expect(() => [...client.dump(asking())]).toThrow(ConflictError)
  expect([port.opened, port.closed]).toEqual([1, 1])
})

test.each([
  ['at its beginning', (messages: Message[]) => [ack(only(messages), ERRNO.ENOENT)]],
  ['at its end', () => [part(1), done(1, ERRNO.ENOENT)]],
])('a dump is refused %s', (_, answer) => {
  const [client] = clientOf(answer)
  expect(caught(() => client.dumpAll(asking()))).toMatchObject({ errno: ERRNO.ENOENT })
})

test('a group is received until the signal', async () => {
  const port = new ScriptedPort()
  const abort = new AbortController()
  const queue = [part(0, { number: 1 }), undefined, part(0, { number: 2 })]
  const listening: typeof port.netlink = () => ({
    ...ScriptedPort.prototype.netlink.call(port),
    receive: () => queue.shift(),
  })
  const messages = subscribe({ description: '', netlink: listening }, 12, [7, 8], { signal: abort.signal, restMs: 1 })
  expect(port.joined).toEqual([7, 8])
  const seen: unknown[] = []
  let started = Number.NaN
  for await (const message of messages) {
    seen.push(readMessage(kind, message).values.number)
    if (seen.length === 2) {
      // Not earlier: on a busy machine, the signal could come before the messages.
      started = performance.now()
      setTimeout(() => abort.abort(), 50)
    }
  }
  expect(seen).toEqual([1, 2])
  expect(performance.now() - started).toBeGreaterThan(40)
  expect(port.closed).toBe(1)
})

test('lost messages of a group are an error, and close the socket', async () => {
  const port = new ScriptedPort()
  const receive = (): never => {
    throw new NetlinkFailure(ERRNO.ENOBUFS)
  }
  const listening: typeof port.netlink = () => ({ ...ScriptedPort.prototype.netlink.call(port), receive })
  const messages = subscribe({ description: '', netlink: listening }, 12, [7])
  await expect(messages.next()).rejects.toThrow(/ENOBUFS/)
  expect(port.closed).toBe(1)
})

test('a recording can be replayed, and accepts nothing else', async () => {
  const script = new ScriptedPort((messages, socket) =>
    socket === 1 ? messages.map((message) => ack(message, message.sequence === 2 ? ERRNO.ENOENT : 0)) : [ERRNO.ENOBUFS],
  )
  const { port, recording } = recordNetlink(script)
  const use = async (used: typeof port): Promise<unknown[]> => {
    const client = new NetlinkClient(used, 12)
    const [first] = client.batch([asking({ number: 1 })])
    const [second] = await client.batchAsync([asking({ text: 'x' })])
    const lost = caught(() => [...client.dump(asking())]) as Error
    return [first?.refusal, second?.refusal?.errno, lost.message]
  }
  const happened = await use(port)
  const stored = JSON.parse(JSON.stringify(recording))
  expect(await use(replayNetlink(stored))).toEqual(happened)
  expect(happened).toEqual([undefined, ERRNO.ENOENT, expect.stringMatching(/ENOBUFS/)])
  expect(() => new NetlinkClient(replayNetlink(stored), 12).request(asking({ number: 2 }))).toThrow(
    /event 0: send .* where it has send/,
  )
  expect(() => new NetlinkClient(replayNetlink({ sockets: [] }), 12).request(asking())).toThrow(
    /more sockets were opened than the 0/,
  )
  expect(() => new NetlinkClient(replayNetlink(stored), 0).request(asking())).toThrow(/protocol 12, not 0/)
})

test('observers are notified', () => {
  const events: unknown[] = []
  const listener = (event: unknown) => void events.push(event)
  watch('xtables:netlink', listener)
  try {
    const [client] = clientOf((messages) => messages.map((message) => ack(message, ERRNO.EBUSY)))
    caught(() => client.request(asking()))
  } finally {
    unwatch('xtables:netlink', listener)
  }
  expect(events).toEqual([
    { operation: 'TEST', messages: 1, bytes: 20, durationMs: expect.any(Number), error: 'EBUSY' },
  ])
})

test('messages of another kind and truncated heads are not answers', () => {
  const message = only(messagesIn(packet(99, 1, new Uint8Array(4))))
  expect(() => readMessage(kind, message)).toThrow(/type 99 where TEST was expected/)
  const short = only(messagesIn(packet(kind.type, 1, new Uint8Array(2))))
  expect(() => readMessage(kind, short)).toThrow(/2 bytes are too few for the head of TEST/)
})
