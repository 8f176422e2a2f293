/** IpSet with concurrent users of the same sets, and with values that it cannot pass on, on the in-process kernel. */
import { IPSET_ERR } from '../../src/abi/ip-set'
import { IptcError, SetError } from '../../src/errors'
import { IpSet, type Replacement } from '../../src/ipset/ip-set'
import { commands } from '../../src/ipset/messages'
import type { NetlinkPort } from '../../src/kernel/kernel'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { type Message, readMessage } from '../../src/netlink/message'
import { recordNetlink, replayNetlink } from '../../src/netlink/record'
import { meddled } from '../netlink/port'
import { caught } from '../support/caught'

let kernel = new MemoryKernel()
beforeEach(() => {
  kernel = new MemoryKernel()
})

describe('replaceContents', () => {
  test('waits for a program that reads the set', async () => {
    const set = IpSet.create('set', 'hash:ip', {}, { kernel })
    set.add(['10.0.0.1', '10.0.0.2'])
    const reading = set[Symbol.asyncIterator]()
    await reading.next()
    const replaced = set.replaceContentsAsync(['10.0.0.2', '10.0.0.3', '10.0.0.4'])
    setTimeout(() => void reading.return(), 20)
    expect(await replaced).toEqual({ added: 2, removed: 1, kept: 1 })
    expect(IpSet.names({ kernel })).toEqual(['set'])
  })

  test('reports that another program reads the set, if that takes long, and leaves everything unchanged', async () => {
    const set = IpSet.create('set', 'hash:ip', {}, { kernel })
    set.add('10.0.0.1')
    const reading = set[Symbol.asyncIterator]()
    await reading.next()
    const error = caught(() => set.replaceContents(['10.0.0.2']))
    await reading.return()
    expect(error).toBeInstanceOf(SetError)
    expect((error as Error).message).toMatch(/^set set: swap set~\w+: another program reads it$/)
    expect(set.list()).toEqual([{ ip: '10.0.0.1' }])
    expect(IpSet.names({ kernel })).toEqual(['set'])
  })

  test('leaves no set behind if another program reads all sets', () => {
    let left = 3
    const refuse = ({ type }: Message): number => (type === commands.destroy.type && left-- > 0 ? IPSET_ERR.BUSY : 0)
    const set = IpSet.create('set', 'hash:ip', {}, { kernel: meddled(kernel, { refuse }) })
    expect(set.replaceContents(['10.0.0.2'])).toEqual({ added: 1, removed: 0, kept: 0 })
    expect(IpSet.names({ kernel })).toEqual(['set'])
  })

  test('chooses an unused name, so that it can be recorded and replayed', () => {
    IpSet.create('set~1', 'hash:ip', {}, { kernel }).add('9.9.9.9')
    IpSet.create('set', 'hash:ip', {}, { kernel }).add('10.0.0.1')
    const { port, recording } = recordNetlink(kernel)
    const replace = (from: NetlinkPort): Replacement => {
      using set = IpSet.open('set', 'hash:ip', { kernel: from })
      return set.replaceContents(['10.0.0.2'])
    }
    const told = replace(port)
    expect(told).toEqual({ added: 1, removed: 1, kept: 0 })
    expect(replace(replayNetlink(recording))).toEqual(told)
    expect(IpSet.open('set~1', 'hash:ip', { kernel }).list()).toEqual([{ ip: '9.9.9.9' }])
    expect(IpSet.names({ kernel })).toEqual(['set~1', 'set'])
  })

  test('shortens a name of maximum length, by characters', () => {
    const name = `xx${'😀'.repeat(7)}`
    const made: unknown[] = []
    const after = (message: Message): void => {
      if (message.type === commands.create.type) made.push(readMessage(commands.create, message).values.setname)
    }
    const set = IpSet.create(name, 'hash:ip', {}, { kernel: meddled(kernel, { after }) })
    expect(set.replaceContents(['10.0.0.2'])).toEqual({ added: 1, removed: 0, kept: 0 })
    expect(made).toEqual([name, `xx${'😀'.repeat(6)}~1`])
    expect(IpSet.names({ kernel })).toEqual([name])
  })

  test('counts its own changes, not those that others make afterwards', () => {
    const set = IpSet.create('set', 'hash:ip', {}, { kernel })
    set.add(['10.0.0.1', '10.0.0.2'])
    const after = ({ type }: Message): void => {
      if (type === commands.swap.type) set.add(['9.9.9.9', '9.9.9.8'])
    }
    const replacing = IpSet.open('set', 'hash:ip', { kernel: meddled(kernel, { after }) })
    expect(replacing.replaceContents(['10.0.0.2', '10.0.0.3'])).toEqual({ added: 1, removed: 1, kept: 1 })
    expect(set.header().elements).toBe(4)
  })
})

test('a set that has another type by now is not read with the old one', async () => {
  const set = IpSet.create('set', 'hash:ip', {}, { kernel })
  IpSet.open('set', { kernel }).destroy()
  IpSet.create('set', 'hash:net', {}, { kernel }).add('10.0.0.0/8')
  const reason = /^set set: list: it is of type hash:net, not "hash:ip"$/
  expect(() => set.list()).toThrow(reason)
  await expect(set[Symbol.asyncIterator]().next()).rejects.toThrow(reason)
})

test('sets of two kernels cannot be swapped, whatever their names are', () => {
  const other = new MemoryKernel()
  const [one, two, three] = [kernel, kernel, other].map((where, i) =>
    IpSet.create(`set${i % 2}`, 'hash:ip', {}, { kernel: where }),
  ) as [IpSet, IpSet, IpSet]
  IpSet.create('set1', 'hash:ip', {}, { kernel: other })
  expect(() => two.swap(three)).toThrow(/^set set1: swap set0: it is in another network namespace or kernel;/)
  two.add('10.0.0.1')
  two.swap(one)
  expect(one.list()).toEqual([{ ip: '10.0.0.1' }])
  const { port } = recordNetlink(kernel)
  IpSet.open('set1', { kernel: port }).swap(one)
  expect(two.list()).toEqual([{ ip: '10.0.0.1' }])
})

test('a refusal by the kernel without a reason says so', () => {
  const set = IpSet.create('set', 'hash:ip,mac', {}, { kernel })
  const error = caught(() => set.add({ ip: '10.0.0.1', mac: '00:11:22:33:44:55', timeout: 5 }))
  expect(error).toBeInstanceOf(SetError)
  expect((error as Error).message).toMatch(
    /: the kernel does not say why; the entry may have what the set was made without/,
  )
})

test('text that cannot be encoded is refused', () => {
  expect(() => IpSet.create('a\ud800', 'hash:ip', {}, { kernel })).toThrow(SetError)
  const set = IpSet.create('set', 'hash:ip', { comment: true }, { kernel })
  expect(() => set.add({ ip: '10.0.0.1', comment: '\ud800' })).toThrow(
    /comment must be text .*: it contains half of a surrogate pair$/,
  )
  expect(() => set.rename('\udfff')).toThrow(SetError)
  expect(set.list()).toEqual([])
  set.add({ ip: '10.0.0.1', comment: '\udc80' })
  expect(set.list()).toEqual([{ ip: '10.0.0.1', comment: '\udc80' }])
})

test('a family other than the default must be valid', () => {
  const create = (): unknown => IpSet.create('set', 'hash:ip', { family: null } as never, { kernel })
  expect(create).toThrow('set set: create: the family of a hash:ip must be ipv4 or ipv6, not null')
})

test('two masks are refused with the reason', () => {
  const error = caught(() => IpSet.create('set', 'hash:ip', { netmask: 8, bitmask: '255.0.0.0' }, { kernel }))
  expect(error).toMatchObject({
    errnoName: 'IPSET_ERR_BITMASK_NETMASK_EXCL',
    reason: 'netmask and bitmask exclude each other',
  })
})

test('a hash that does not fit into memory is refused, as by Linux', () => {
  for (const hashsize of [2 ** 27 + 1, 2 ** 28, 2 ** 32 - 1])
    expect(caught(() => IpSet.create('set', 'hash:ip', { hashsize }, { kernel }))).toMatchObject({
      errnoName: 'ENOMEM',
    })
  expect(IpSet.create('set', 'hash:ip', { hashsize: 2 ** 27 }, { kernel }).header().options.hashsize).toBe(2 ** 27)
  expect(caught(() => IpSet.open('other', { kernel }))).toBeInstanceOf(IptcError)
})
