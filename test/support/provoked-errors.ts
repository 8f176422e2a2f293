/**
 * Provokes each error, by code. docs/errors.md shows the messages. Refusals that need Linux or another machine come
 * from a kernel that is told to refuse.
 */
import { ERRNO, type ErrnoName } from '../../src/abi/errno'
import { SO_IP_SET } from '../../src/abi/ip-set'
import { NLM_F_CREATE } from '../../src/abi/netlink'
import { refusalError } from '../../src/backend/nft/refusals'
import { openKernel, splitPlace } from '../../src/cli/open-kernel'
import type { ErrorCode } from '../../src/error-codes'
import { IptcError } from '../../src/errors'
import {
  Chain,
  captureFromJson,
  captureTable,
  easy,
  FamilyRuleset,
  IpSet,
  LinuxKernel,
  MemoryKernel,
  migrate,
  NetworkNamespace,
  Plan,
  parseSetEntry,
  Rule,
  Rule6,
  reconcile,
  restore,
  Table,
  trace,
} from '../../src/index'
import { parseJson } from '../../src/json'
import { type Connection, SockoptFailure } from '../../src/kernel/kernel'
import { checkMachine } from '../../src/kernel/linux/ffi'
import { messagesIn, nfHead, request } from '../../src/netlink/message'
import { Refusal } from '../../src/netlink/refusal'
import { messages } from '../../src/nft/messages'
import { addChain, change } from './nft-writer'
import { connectWhere, LINUX, without } from './other-machine'
import { failing, type SystemCall, WatchedKernel } from './watched-kernel'

const ACCEPT = '-p tcp --dport 22 -j ACCEPT'

const open = (name = 'filter', options = {}): Table => new Table(name, { kernel: new MemoryKernel(), ...options })

/** A table with a chain `web` that a rule jumps to. */
function withChain(): Table {
  const table = open()
  table.createChain('web').appendRule(Rule.parse(ACCEPT))
  new Chain(table, 'INPUT').appendRule(Rule.parse('-j web'))
  return table
}

/** A table on a kernel that refuses an operation. */
function refusing(operation: SystemCall['operation'], errno: ErrnoName, options = {}): Table {
  const kernel = new WatchedKernel(new MemoryKernel())
  kernel.before = failing(operation, ERRNO[errno])
  return new Table('filter', { kernel, ...options })
}

const append = (table: Table, rule: string, chain = 'INPUT'): void =>
  new Chain(table, chain).appendRule(Rule.parse(rule))

const setOf = (options: object = {}, type = 'hash:ip'): IpSet =>
  IpSet.create('blocked', type as 'hash:ip', options, { kernel: new MemoryKernel() }) as unknown as IpSet

function platform(name: string): void {
  const { platform } = process
  Object.defineProperty(process, 'platform', { value: name })
  try {
    checkMachine()
  } finally {
    Object.defineProperty(process, 'platform', { value: platform })
  }
}

/** Throws the error of a separate process. */
function elsewhere(prepare: string): never {
  const { code, message } = JSON.parse(connectWhere(prepare).stdout)
  throw new IptcError(code, message)
}

function withLockFile(file: string): void {
  const { XTABLES_LOCKFILE: before } = process.env
  process.env['XTABLES_LOCKFILE'] = file
  try {
    new LinuxKernel().lock(0)
  } finally {
    if (before === undefined) delete process.env['XTABLES_LOCKFILE']
    else process.env['XTABLES_LOCKFILE'] = before
  }
}

/** A table of nf_tables in which another program has created the chain INPUT without a hook. */
function withForeignChain(): Table {
  const kernel = new MemoryKernel()
  change(kernel, request(messages.newTable, NLM_F_CREATE, nfHead(2), { name: 'filter' }))
  addChain(kernel, 'INPUT')
  return new Table('filter', { kernel, backend: 'nft' })
}

/** A kernel that was built without ipset. */
class WithoutSets extends WatchedKernel {
  override connect(family: 'ipv4' | 'ipv6'): Connection {
    const connection = super.connect(family)
    const getsockopt = (option: number, value: Uint8Array): void => {
      if (option === SO_IP_SET) throw new SockoptFailure(ERRNO.ENOPROTOOPT)
      connection.getsockopt(option, value)
    }
    return { ...connection, getsockopt }
  }
}

const planned = () => {
  const kernel = new MemoryKernel()
  const plan = reconcile(
    { filter: { web: [{ target: 'ACCEPT' }] } },
    { owns: { chains: ['web'] }, kernel, apply: false },
  )
  return { kernel, plan }
}

export const PROVOKED: Readonly<Partial<Record<ErrorCode, () => unknown>>> = {
  XT_BAD_ARGUMENT: () => Rule.parse(22 as never),
  XT_BAD_OPTION: () => open('filter', { lockTimeout: 5 }),
  XT_BAD_JSON: () => parseJson('{"web": [], "web": []}', 'policy.json'),
  XT_BAD_PACKET: () => trace({ way: 'output', in: 'eth0' }, FamilyRuleset.read({ kernel: new MemoryKernel() })),
  XT_BAD_SETS: () => easy.applySets({ blocked: { type: 'hash:ip' } as never }, { kernel: new MemoryKernel() }),
  XT_BAD_CAPTURE: () => captureFromJson({ family: 'ipv4', table: 'filter' } as never),
  XT_WRONG_HANDLE: () => open().deleteChain(new Chain(open('nat'), 'web') as never),
  XT_CLOSED: () => {
    const table = open()
    table.close()
    return table.chains
  },
  XT_BUSY: () => {
    const table = open()
    table.transaction(() => table.refresh())
  },
  XT_UNCOMMITTED: () => {
    const table = open('filter', { autocommit: false })
    table.createChain('web')
    table.transaction(() => {})
  },
  XT_TRANSACTION_ENDED: async () => {
    const table = open()
    let inner: Promise<unknown> = Promise.resolve()
    await table.transactionAsync(async () => {
      inner = table.transactionAsync(async () => void (await new Promise((resolve) => setTimeout(resolve, 20))))
      inner.catch(() => {})
    })
    await inner
  },
  XT_COMMAND: () => splitPlace(['--netns']),
  XT_FILE: () => openKernel({ kernel: 'memory', state: '/nowhere/tables.json' }),
  XT_BAD_VALUE: () => Object.assign(new Rule().createMatch('tcp'), { dport: '70000' }),
  XT_UNKNOWN_PARAMETER: () => new Rule().createMatch('tcp').setParameter('dprot', '80'),
  XT_MISSING_PARAMETER: () => String(easy.encodeRule({ mark: {}, target: 'ACCEPT' } as never)),
  XT_CONFLICTING_PARAMETERS: () =>
    easy.encodeRule({ addrtype: { 'limit-iface-in': true, 'limit-iface-out': true } } as never),
  XT_UNKNOWN_EXTENSION: () => new Rule().createMatch('conntrak' as 'conntrack'),
  XT_READ_ONLY: () => Object.assign(new Rule().createMatch('tcp'), { dprot: '80' }),
  XT_BAD_NAME: () => open().createChain('REJECT'),
  XT_BAD_POSITION: () => new Chain(open(), 'INPUT').insertRule(Rule.parse(ACCEPT), 5),
  XT_BAD_DICTIONARY: () => easy.encodeRule({ target: { ACCEPT: {}, DROP: {} } } as never),
  XT_WRONG_RULE: () => new Chain(open(), 'INPUT').appendRule(new Rule6() as never),
  XT_SYNTAX: () => Rule.parse('-p tcp -p udp'),
  XT_BAD_PLAN: () => Plan.fromJSON({} as never),
  XT_RESTORE_SYNTAX: () => restore('*filter\nCOMMIT now\n', { kernel: new MemoryKernel() }),
  XT_RESTORE_REFUSED: () => restore('*filter\n-A web -j ACCEPT\nCOMMIT\n', { kernel: new MemoryKernel() }),
  XT_SET_SYNTAX: () => parseSetEntry('hash:ip', '10.0.0.256'),
  XT_CHAIN_EXISTS: () => withChain().createChain('web'),
  XT_CHAIN_NOT_EMPTY: () => withChain().deleteChain('web'),
  XT_CHAIN_IN_USE: () => {
    const table = withChain()
    new Chain(table, 'web').flush()
    table.deleteChain('web')
  },
  XT_BUILTIN_CHAIN: () => open().deleteChain('INPUT'),
  XT_BAD_POLICY: () => withChain().setPolicy('web', 'DROP'),
  XT_NO_POSITION: () => {
    try {
      restore('*filter\n-D INPUT 7\nCOMMIT\n', { kernel: new MemoryKernel() })
    } catch (error) {
      throw (error as Error).cause
    }
  },
  XT_NO_DESTINATION: () => append(open(), '-j web'),
  XT_RULE_MISPLACED: () => append(open(), '-i eth0 -j ACCEPT', 'OUTPUT'),
  XT_RULE_INVALID: () => append(open(), '-j MASQUERADE'),
  XT_RULE_REFUSED: () => append(refusing('replace', 'EINVAL'), ACCEPT),
  XT_RULE_NOT_COPIED: () => {
    const table = open('raw')
    append(table, '-p tcp -j CT --timeout longtimeout', 'PREROUTING')
    table.refresh()
    append(table, ACCEPT, 'OUTPUT')
  },
  XT_FOREIGN_RULE: () => append(withForeignChain(), ACCEPT),
  XT_NO_NFT_FORM: () => append(open('filter', { backend: 'nft' }), '-j QUEUE'),
  XT_NOT_OWNED: () =>
    reconcile(
      { filter: { INPUT: { policy: 'DROP', rules: [] } } },
      { owns: { chains: ['web'] }, kernel: new MemoryKernel() },
    ),
  XT_SET_INVALID: () => setOf().add('10.0.0.256'),
  XT_SET_EXISTS: () => {
    const kernel = new MemoryKernel()
    for (let i = 0; i < 2; i++) IpSet.create('blocked', 'hash:ip', {}, { kernel })
  },
  XT_SET_OTHER_TYPE: () => {
    const kernel = new MemoryKernel()
    IpSet.create('blocked', 'hash:ip', {}, { kernel })
    IpSet.open('blocked', 'hash:net', { kernel })
  },
  XT_SET_IN_USE: () => {
    const kernel = new MemoryKernel()
    const set = IpSet.create('blocked', 'hash:ip', {}, { kernel })
    append(new Table('filter', { kernel }), '-m set --match-set blocked src -j DROP')
    set.destroy()
  },
  XT_SET_FULL: () => setOf({ size: 1 }, 'list:set') && setOf({ maxelem: 1 }).add(['10.0.0.1', '10.0.0.2']),
  XT_ENTRY_EXISTS: () => setOf().add(['10.0.0.1', '10.0.0.1']),
  XT_NO_ENTRY: () => setOf().remove('10.0.0.1'),
  XT_SET_REFUSED: () => setOf({ netmask: 8, bitmask: '255.0.0.0' }),
  XT_NO_TABLE: () => open('filtre').chains,
  XT_NO_CHAIN: () => append(open(), ACCEPT, 'web'),
  XT_NO_RULE: () => new Chain(open(), 'INPUT').deleteRule(Rule.parse(ACCEPT)),
  XT_NO_SET: () => IpSet.open('blocked', { kernel: new MemoryKernel() }),
  XT_NO_NAMESPACE: () => NetworkNamespace.open('blue'),
  XT_CONFLICT: () => {
    const kernel = new MemoryKernel()
    const table = new Table('filter', { kernel, autocommit: false })
    table.createChain('ours')
    new Table('filter', { kernel }).createChain('theirs')
    table.commit()
  },
  XT_CHANGED_WHILE_READ: () => refusing('getEntries', 'EAGAIN').chains,
  XT_PLAN_OUTDATED: () => {
    const { kernel, plan } = planned()
    new Table('filter', { kernel }).createChain('web')
    plan.apply()
  },
  XT_LOCK_TIMEOUT: async () => {
    const kernel = new MemoryKernel()
    const lock = kernel.lock(0)
    try {
      await new Table('filter', { kernel, lockTimeoutMs: 20 }).transactionAsync(() => {})
    } finally {
      lock.release()
    }
  },
  XT_LOCK_DEADLOCK: async () => {
    const kernel = new MemoryKernel()
    const running = kernel.withLockAsync(
      { timeoutMs: 0 },
      () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
    )
    try {
      new Table('filter', { kernel }).createChain('web')
    } finally {
      await running
    }
  },
  XT_NOT_PERMITTED: () => refusing('getInfo', 'EPERM').chains,
  XT_FILE_NOT_PERMITTED: () => withLockFile('/'),
  XT_TABLE_OWNED: () => {
    const asked = request(messages.newRule, 0, nfHead(2), { table: 'filter' } as never)
    throw refusalError(
      { table: 'filter', foreign: { owner: 4711 } } as never,
      new Refusal(asked, ERRNO.EPERM, {}),
      undefined,
    )
  },
  XT_UNSUPPORTED_PLATFORM: () => platform('darwin'),
  XT_FFI_MISSING: () => elsewhere(`${LINUX}; ${without('ffi-rs')}`),
  XT_NO_LEGACY: () => refusing('getInfo', 'ENOPROTOOPT').chains,
  XT_NO_TABLE_MODULE: () => refusing('getInfo', 'ENOENT').chains,
  XT_NO_NFTABLES: () => {
    const kernel = Object.assign(new WatchedKernel(new MemoryKernel()), { netlink: undefined })
    return new Table('filter', { kernel: kernel as never, backend: 'nft' }).chains
  },
  XT_NO_IPSET: () =>
    append(
      new Table('filter', { kernel: new WithoutSets(new MemoryKernel()) }),
      '-m set --match-set blocked src -j DROP',
    ),
  XT_NO_SET_TYPE: () => {
    const kernel = new MemoryKernel({ setRevisions: { 'hash:ip': 5 } })
    IpSet.create('blocked', 'hash:ip', { bitmask: '255.0.0.0' }, { kernel })
  },
  XT_NO_NETLINK: () => new MemoryKernel().netlink(9),
  XT_NO_EXTENSION: () => append(refusing('getRevisionMatch', 'ENOENT'), ACCEPT),
  XT_NOT_WATCHABLE: () => open().watch(),
  XT_KERNEL: () => refusing('getInfo', 'ENOMEM').chains,
  XT_COUNTERS_LOST: () => {
    const table = refusing('addCounters', 'ENOMEM')
    const rule = Rule.parse(ACCEPT)
    rule.counters = [3, 180]
    new Chain(table, 'INPUT').appendRule(rule)
  },
  XT_BAD_BLOB: () => {
    const capture = captureTable(new MemoryKernel(), 'ipv4', 'filter')
    return new MemoryKernel({ captures: [{ ...capture, entries: capture.entries.slice(0, 100) }] })
  },
  XT_BAD_MESSAGE: () => messagesIn(new Uint8Array(10)),
  XT_MIGRATION_BLOCKED: () => {
    const kernel = new MemoryKernel()
    for (const backend of ['legacy', 'nft'] as const) append(new Table('filter', { kernel, backend }), ACCEPT)
    migrate({ from: 'legacy', to: 'nft', kernel })
  },
  XT_MIGRATION_FAILED: () => {
    const kernel = new WatchedKernel(new MemoryKernel())
    append(new Table('filter', { kernel, backend: 'legacy' }), ACCEPT)
    kernel.before = failing('batch', ERRNO.ENOMEM)
    migrate({ from: 'legacy', to: 'nft', kernel })
  },
}

/** The error with a code. */
export async function provoked(code: ErrorCode): Promise<unknown> {
  try {
    await PROVOKED[code]?.()
  } catch (error) {
    return error
  }
  return undefined
}
