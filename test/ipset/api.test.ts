import { NLM_F_DUMP, nlmsghdr } from '../../src/abi/netlink'
import { IptcError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import { commands } from '../../src/ipset/messages'
import type { NetlinkPort } from '../../src/kernel/kernel'
import { type Message, type MessageType, type NfHead, nfHead, request } from '../../src/netlink/message'
import { recordNetlink, replayNetlink } from '../../src/netlink/record'
import { ack, done, packet, ScriptedPort } from '../netlink/port'

/** A broken check must not reach the sets of this machine. */
jest.mock('../../src/kernel/linux/linux-kernel', () => ({
  LinuxKernel: class {
    constructor() {
      throw new Error('the kernel of this machine was asked for')
    }
  },
}))

const answer = <V>(kind: MessageType<NfHead, V>, { sequence }: Message, values: V): Uint8Array =>
  packet(kind.type, sequence, request(kind, 0, nfHead(2), values).bytes.slice(nlmsghdr.size))

const SET = { setname: 'set', typename: 'hash:ip', family: 2, revision: 6 }

/** A kernel that has a set with one address, and accepts every request. */
const port = (): ScriptedPort =>
  new ScriptedPort((messages) =>
    messages.flatMap((message) => {
      if (message.flags >= NLM_F_DUMP && message.type === commands.list.type)
        return [answer(commands.list, message, { ...SET, data: {}, adt: [{ ip: '10.0.0.1' }] }), done(message.sequence)]
      if (message.type === commands.type.type)
        return [answer(commands.type, message, { revision: 6, revisionMin: 0 }), ack(message)]
      if (message.type === commands.header.type) return [answer(commands.header, message, SET), ack(message)]
      return [ack(message)]
    }),
  )

function aFunction(): string {
  return 'x'
}
const cyclic: unknown[] = []
cyclic.push(cyclic)
const selfish: Record<string, unknown> = {}
selfish['ip'] = selfish
const JUNK: readonly unknown[] = [
  ...[undefined, null, true, Number.NaN, -1, 1.5, 5n, Symbol('x'), aFunction],
  ...[{}, Object.create(null), [], [{}], [Symbol('x')], cyclic, selfish, 'x\0', ''],
]

// biome-ignore lint/suspicious/noExplicitAny: tests values that the compiler refuses.
type Any = any

/** Each function with valid arguments, and the unusual values that it accepts in their place. */
const CALLS: Readonly<
  Record<string, { args: (kernel: NetlinkPort) => readonly unknown[]; takes?: readonly string[] }>
> = {
  'IpSet.create': { args: (kernel) => ['set', 'hash:ip', { timeout: 3 }, { kernel }], takes: ['2 undefined', '2 {}'] },
  'IpSet.open': { args: (kernel) => ['set', 'hash:ip', { kernel }], takes: ['1 undefined'] },
  'IpSet.names': { args: (kernel) => [{ kernel }] },
  'IpSet.headers': { args: (kernel) => [{ kernel }] },
  'IpSet.destroyAll': { args: (kernel) => [{ kernel }] },
  'IpSet.flushAll': { args: (kernel) => [{ kernel }] },
  add: { args: () => ['10.0.0.1', { exist: true }], takes: ['0 []', '1 undefined', '1 {}'] },
  addAsync: { args: () => [['10.0.0.1'], { exist: true }], takes: ['0 []', '1 undefined', '1 {}'] },
  remove: { args: () => [[{ ip: '10.0.0.1' }], { exist: true }], takes: ['0 []', '1 undefined', '1 {}'] },
  removeAsync: { args: () => ['10.0.0.1', { exist: true }], takes: ['0 []', '1 undefined', '1 {}'] },
  test: { args: () => ['10.0.0.1'] },
  replaceContents: { args: () => [['10.0.0.1']], takes: ['0 []'] },
  replaceContentsAsync: { args: () => [['10.0.0.1']], takes: ['0 []'] },
  rename: { args: () => ['other'] },
  swap: { args: () => ['other'] },
  destroy: { args: () => [{ exist: true }], takes: ['0 undefined', '0 {}'] },
  header: { args: () => [] },
  list: { args: () => [] },
  flush: { args: () => [] },
  close: { args: () => [] },
}

const titleOf = (value: unknown): string => {
  if (value === cyclic) return 'a list in itself'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(titleOf)}]`
  return Object.keys(value).length === 0 ? '{}' : 'an object in itself'
}

async function outcomeOf(name: string, kernel: NetlinkPort, args: readonly unknown[]): Promise<unknown> {
  const set = IpSet.open('set', 'hash:ip', { kernel }) as Any
  try {
    const [owner, method] = name.startsWith('IpSet.') ? [IpSet as Any, name.slice(6)] : [set, name]
    return await owner[method](...args)
  } catch (error) {
    return error
  }
}

test.each(Object.entries(CALLS))('%s accepts valid arguments, and no others', async (name, { args, takes = [] }) => {
  expect(await outcomeOf(name, port(), args(port()))).not.toBeInstanceOf(Error)
  for (const [position, arg] of args(port()).entries())
    for (const value of JUNK) {
      const isPlace = typeof arg === 'object' && arg !== null && 'kernel' in arg
      // Without options, the sets of this machine would be used.
      if (isPlace && (value === undefined || titleOf(value) === '{}')) continue
      if (takes.includes(`${position} ${titleOf(value)}`)) continue
      const outcome = await outcomeOf(name, port(), args(port()).with(position, value))
      expect({ position, value: titleOf(value), outcome }).toEqual({
        position,
        value: titleOf(value),
        outcome: expect.any(IptcError),
      })
    }
})

test('every method is tested', () => {
  const names = [
    ...Object.getOwnPropertyNames(IpSet.prototype).filter((name) => {
      const { value } = Object.getOwnPropertyDescriptor(IpSet.prototype, name) ?? {}
      return typeof value === 'function' && name !== 'constructor'
    }),
    ...Object.getOwnPropertyNames(IpSet).flatMap((name) =>
      typeof (IpSet as Any)[name] === 'function' && name !== 'prototype' ? [`IpSet.${name}`] : [],
    ),
  ]
  expect(names.sort()).toEqual(Object.keys(CALLS).sort())
})

test.each(JUNK.map((value) => [titleOf(value), value]))(
  '%s cannot be recorded, replayed or created from',
  (_, value) => {
    expect(() => recordNetlink(value as Any)).toThrow(IptcError)
    expect(() => replayNetlink(value as Any)).toThrow(IptcError)
    expect(() => replayNetlink({ sockets: [value] } as Any)).toThrow(IptcError)
    expect(() => replayNetlink({ sockets: [{ protocol: 12, events: [value] }] } as Any)).toThrow(IptcError)
    expect(() => new (IpSet as Any)(value, 'set', {})).toThrow(IptcError)
  },
)

test('a kernel without netlink is refused', () => {
  const { netlink: _, ...kernel } = { netlink: 0, connect: () => {} }
  expect(() => IpSet.names({ kernel: kernel as Any })).toThrow(/takes a kernel that has netlink/)
})

test("options that the kernel's revision lacks are refused before the set is created", () => {
  const kernel = port()
  const old = kernel.answer
  kernel.answer = (messages, socket) =>
    messages.flatMap((message) =>
      message.type === commands.type.type
        ? [answer(commands.type, message, { revision: 3, revisionMin: 0 }), ack(message)]
        : old([message], socket),
    )
  expect(() => IpSet.create('set', 'hash:ip', { skbinfo: true }, { kernel })).toThrow(
    /set set: skbinfo requires revision 4 of hash:ip; the kernel has 3/,
  )
  expect(kernel.sent.flat().map(({ type }) => type)).toEqual([commands.type.type])
  expect(IpSet.create('set', 'hash:ip', { forceadd: true, skbinfo: false }, { kernel }).revision).toBe(3)
})

test('entry fields that the revision of a set lacks are refused', () => {
  const kernel = port()
  const { answer: usual } = kernel
  kernel.answer = (messages, socket) =>
    messages.flatMap((message) =>
      message.type === commands.header.type
        ? [answer(commands.header, message, { ...SET, typename: 'hash:net', revision: 1 }), ack(message)]
        : usual([message], socket),
    )
  const set = IpSet.open('set', 'hash:net', { kernel })
  set.add({ net: '10.0.0.0/8', nomatch: false })
  expect(() => set.add({ net: '10.0.0.0/8', nomatch: true })).toThrow(
    /nomatch requires revision 2 of hash:net; the set is of revision 1/,
  )
})

test.each<[string, number, unknown]>([
  ['bitmap:port', 0, [80, 81]],
  ['bitmap:port', 0, { port: [80, 81] }],
  ['hash:ip', 2, '10.0.0.0/24'],
  ['hash:ip', 2, '10.0.0.1-10.0.0.2'],
  ['hash:net', 2, '10.0.0.1-10.0.0.2'],
])('sets of type %s test one entry at a time', (typename, family, entry) => {
  const kernel = port()
  const { answer: usual } = kernel
  kernel.answer = (messages, socket) =>
    messages.flatMap((message) =>
      message.type === commands.header.type
        ? [answer(commands.header, message, { ...SET, typename, family }), ack(message)]
        : usual([message], socket),
    )
  const set = IpSet.open('set', { kernel })
  expect(() => set.test(entry as never)).toThrow(IptcError)
  set.add(entry as never)
  expect(kernel.sent.flat().map(({ type }) => type)).toEqual([commands.header.type, commands.add.type])
})
