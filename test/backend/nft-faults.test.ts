/** Failing system calls to nf_tables: each causes its error, leaves the table unchanged, and leaks no socket. */
import { ERRNO, type ErrnoName } from '../../src/abi/errno'
import { Chain, detectBackend, KernelError, MemoryKernel, Rule, save, Table, UnsupportedError } from '../../src/index'
import { type NetlinkConnection, NetlinkFailure } from '../../src/kernel/kernel'
import { failing, type SystemCall, WatchedKernel } from '../support/watched-kernel'
import { WAYS } from '../support/ways'

const RULE = '-s 10.0.0.1/32 -p tcp -m tcp --dport 22 -m u32 --u32 "0x0=0x1" -j ACCEPT'
const BEFORE = ['INPUT', 'FORWARD', 'OUTPUT', 'old']
const AFTER = [...BEFORE, RULE]

let inner: MemoryKernel
let kernel: WatchedKernel
let table: Table
beforeEach(() => {
  inner = new MemoryKernel()
  new Table('filter', { kernel: inner, backend: 'nft' }).createChain('old')
  kernel = new WatchedKernel(inner)
  table = new Table('filter', { kernel, backend: 'nft' })
})

/** The rules in the kernel, read without the faults. */
function rules(): string[] {
  using other = new Table('filter', { kernel: inner, backend: 'nft' })
  return other.chains.flatMap(({ name, rules }) => [name, ...rules.map(String)])
}

const add = (): void => new Chain(table, 'old').appendRule(Rule.parse(RULE))

const OPERATIONS: readonly SystemCall['operation'][] = ['ask', 'batch']
const ERRNOS: readonly ErrnoName[] = ['EINTR', 'EAGAIN', 'EPERM', 'ENOMEM', 'ENOBUFS']
const FAULTS = OPERATIONS.flatMap((operation) => ERRNOS.map((errno) => [operation, errno] as const))

describe.each(Object.keys(WAYS))('%s', (name) => {
  const way = async (): Promise<void> => WAYS[name]?.(table, add)

  test.each(FAULTS)('%s that fails with %s changes nothing, and succeeds later', async (operation, errno) => {
    kernel.before = failing(operation, ERRNO[errno])
    await expect(way()).rejects.toMatchObject({ constructor: KernelError, errnoName: errno })
    expect(rules()).toEqual(BEFORE)
    kernel.before = () => {}
    if (table.autocommit) await way()
    else if (operation === 'batch') table.commit()
    else await way()
    expect(rules()).toEqual(AFTER)
    table.close()
    expect(kernel.connections).toBe(0)
  })

  test.each([0, 1, 2, 3, 4, 5, 6])('system call number %p that fails changes nothing', async (at) => {
    let left = at
    kernel.before = () => {
      if (left-- === 0) throw new NetlinkFailure(ERRNO.ENOMEM)
    }
    await expect(way()).rejects.toThrow(KernelError)
    expect(rules()).toEqual(BEFORE)
    table.close()
    expect(kernel.connections).toBe(0)
  })
})

/** A kernel with a limited number of sockets. */
class Scarce extends WatchedKernel {
  sockets = 0
  errno: number = ERRNO.EMFILE
  override netlink(protocol: number): NetlinkConnection {
    if (this.connections >= this.sockets) throw new NetlinkFailure(this.errno)
    return super.netlink(protocol)
  }
}

test.each([0, 1, 2, 3])('with only %p sockets, reading says that there are no more', (sockets) => {
  const scarce = Object.assign(new Scarce(inner), { sockets })
  using of = new Table('filter', { kernel: scarce, backend: 'nft' })
  expect(() => of.chains).toThrow(expect.objectContaining({ constructor: KernelError, errnoName: 'EMFILE' }))
  of.close()
  expect(scarce.connections).toBe(0)
})

test.each<ErrnoName>(['EPROTONOSUPPORT', 'EAFNOSUPPORT'])(
  'a kernel without netlink sockets (%s) has no nf_tables',
  (errno) => {
    const lacking = Object.assign(new Scarce(new MemoryKernel()), { errno: ERRNO[errno] })
    const lacks = expect.objectContaining({
      constructor: UnsupportedError,
      message: expect.stringContaining('modprobe nf_tables'),
    })
    expect(() => new Table('filter', { kernel: lacking, backend: 'nft' }).chains).toThrow(lacks)
    expect(() => save({ kernel: lacking, backend: 'nft' })).toThrow(lacks)
    expect(detectBackend({ kernel: lacking })).toBe('legacy')
  },
)
