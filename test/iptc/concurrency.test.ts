/** Concurrent work in one thread: an edit that succeeds is kept, and one that is not kept throws. */
import { AsyncResource } from 'node:async_hooks'
import { ERRNO } from '../../src/abi/errno'
import {
  type AnyTable,
  Chain,
  ConflictError,
  easy,
  IptcError,
  type Kernel,
  type Lend,
  LockTimeoutError,
  MemoryKernel,
  Rule,
  restore,
  Table,
} from '../../src/index'
import { onBackends } from '../support/backends'
import { addChain } from '../support/nft-writer'
import { failing as refusing, type SystemCall, WatchedKernel } from '../support/watched-kernel'

/** Waits for turns of the event loop. An asynchronous system call of the in-process kernel takes one. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => void setImmediate(resolve))
}

let inner: MemoryKernel
let kernel: WatchedKernel
let table: Table
let nat: Table

beforeEach(() => {
  inner = new MemoryKernel()
  kernel = new WatchedKernel(inner)
  table = new Table('filter', { kernel })
  nat = new Table('nat', { kernel })
})

const CHAINS = ['INPUT', 'FORWARD', 'OUTPUT'] as const
type Builtin = (typeof CHAINS)[number]

/**
 * The chains with policy DROP. A policy does not change the number of entries, by which the kernel would notice a lost
 * edit.
 */
function dropping(): string[] {
  const now = new Table('filter', { kernel })
  return CHAINS.filter((chain) => now.getPolicy(chain).name === 'DROP')
}

const drop = (chain: Builtin, by: AnyTable = table): void => by.setPolicy(chain, 'DROP')
const other = (options = {}): Table => new Table('filter', { kernel, ...options })

/** Ways to edit the table. */
const WAYS: Readonly<Record<string, (chain: Builtin) => unknown>> = {
  'an edit': (chain) => drop(chain),
  'an edit of another handle': (chain) => drop(chain, other()),
  'a transaction': (chain) => table.transaction(() => drop(chain)),
  'a transaction of another handle': (chain) => other().transaction((it) => drop(chain, it)),
  'an asynchronous transaction': (chain) =>
    table.transactionAsync(async () => {
      await turns(2)
      drop(chain)
    }),
  'an asynchronous transaction of another handle': (chain) =>
    other().transactionAsync(async (it) => {
      await turns(1)
      drop(chain, it)
    }),
  'a commit': (chain) => {
    const deferred = other({ autocommit: false })
    drop(chain, deferred)
    deferred.commit()
  },
  'an asynchronous commit': async (chain) => {
    const deferred = other({ autocommit: false })
    drop(chain, deferred)
    await deferred.commitAsync()
  },
  'the dictionary API': (chain) => easy.setPolicy('filter', chain, 'DROP', { kernel }),
  'a batch': (chain) => {
    const batch = easy.batchBegin(undefined, { kernel })
    easy.setPolicy('filter', chain, 'DROP', { batch })
    easy.batchEnd(batch)
  },
  restore: (chain) => restore(`*filter\n:${chain} DROP [0:0]\nCOMMIT\n`, { kernel, noflush: true }),
}
const ASYNCHRONOUS = ['an asynchronous transaction', 'an asynchronous transaction of another handle']

/** Contexts in which the edits run: the function that calls them, and whether it waits for them. */
const PLACES: Readonly<Record<string, (body: () => Promise<unknown>) => Promise<unknown>>> = {
  'on their own': (body) => body(),
  'within a transaction of another table': (body) => nat.transactionAsync(body),
  'within two': (body) => nat.transactionAsync(() => new Table('mangle', { kernel }).transactionAsync(body)),
  'left running by a transaction of another table': async (body) => {
    let left: Promise<unknown> | undefined
    await nat.transactionAsync(() => {
      nat.setPolicy('INPUT', 'ACCEPT', [1, 1])
      left = body()
    })
    await left
  },
}

const REFUSALS = [LockTimeoutError, ConflictError, IptcError]

/** @returns whether the edit was made */
async function make(way: string, chain: Builtin, after: number): Promise<boolean> {
  try {
    if (after > 0) await turns(after)
    await WAYS[way]?.(chain)
    return true
  } catch (error) {
    expect(REFUSALS).toContain((error as Error).constructor)
    return false
  }
}

const names = Object.keys(WAYS)
const pairs = ASYNCHRONOUS.concat('an asynchronous commit').flatMap((one) =>
  names.map((way): [string, string] => [one, way]),
)

onBackends((backend) => {
  const WRITE = backend === 'legacy' ? 'replace' : 'batch'

  describe.each(Object.keys(PLACES))('%s', (place) => {
    test.each(pairs)('%s and, at the same time, %s', async (one, way) => {
      for (let after = 0; after < 10; after++) {
        for (const chain of CHAINS) table.setPolicy(chain, 'ACCEPT')
        let made: boolean[] = []
        await PLACES[place]?.(async () => {
          made = await Promise.all([make(one, 'INPUT', 0), make(way, 'FORWARD', after)])
        })
        const wanted = CHAINS.filter((_, i) => made[i])
        expect([after, dropping()]).toEqual([after, wanted])
        if (ASYNCHRONOUS.includes(one) && ASYNCHRONOUS.includes(way)) expect(made).toEqual([true, true])
      }
      kernel.lock(0).release()
    })
  })

  /** Another program is faster, once. */
  function overtaken(): (call: SystemCall) => void {
    if (backend === 'legacy') return refusing(WRITE, ERRNO.EAGAIN, 1)
    let name = `theirs${kernel.count(WRITE)}`
    return ({ operation }) => {
      if (operation === WRITE && name !== '') addChain(inner, name)
      name = ''
    }
  }

  describe('an edit that its transaction did not await', () => {
    test.each(names)('%s', async (way) => {
      const all = new Set<boolean>()
      for (let after = 0; after < 12; after++) {
        for (const chain of CHAINS) table.setPolicy(chain, 'ACCEPT')
        let left: Promise<boolean> = Promise.resolve(false)
        await table.transactionAsync(async () => {
          drop('INPUT')
          left = make(way, 'FORWARD', after)
        })
        const made = await left
        all.add(made)
        expect([after, dropping()]).toEqual([after, made ? ['INPUT', 'FORWARD'] : ['INPUT']])
      }
      expect(all).toContain(true)
      kernel.lock(0).release()
    })

    test.each(names)('%s, left behind by an attempt that was repeated', async (way) => {
      for (let after = 1; after < 12; after++) {
        for (const chain of CHAINS) table.setPolicy(chain, 'ACCEPT')
        let left: Promise<boolean> | undefined
        kernel.before = overtaken()
        await table.transactionAsync(async () => {
          const again = left !== undefined
          left ??= make(way, 'FORWARD', after)
          if (again) await turns(2)
          drop('INPUT')
        })
        const made = await left
        expect([after, dropping()]).toEqual([after, made ? ['INPUT', 'FORWARD'] : ['INPUT']])
      }
    })
  })

  /** Runs `late` just before an asynchronous operation of the kernel begins. */
  async function during(operation: SystemCall['operation'], work: () => Promise<unknown>, late: () => void) {
    let times = 0
    kernel.hold = async (call) => {
      if (call.operation === operation && times++ === 0) late()
      await turns(1)
    }
    await work()
    expect(times).toBeGreaterThan(0)
  }

  describe('a synchronous edit while a table is written', () => {
    const attempt = (edit: () => void) => (): void => expect(edit).toThrow(LockTimeoutError)
    const write = () => table.transactionAsync(() => drop('INPUT'))

    test.each<[string, () => Promise<unknown>]>([
      ['by whom it does not know', write],
      ['by one beside it', () => nat.transactionAsync(write)],
    ])('%s throws an error that says what to do', async (_, work) => {
      await during(
        WRITE,
        work,
        attempt(() => drop('FORWARD', other())),
      )
      // nf_tables is read on this thread, so that nothing can come in between.
      if (backend === 'legacy')
        await during(
          'getEntries',
          work,
          attempt(() => easy.setPolicy('nat', 'INPUT', 'ACCEPT', { kernel })),
        )
      expect(() => drop('FORWARD')).not.toThrow()
      expect(dropping()).toEqual(['INPUT', 'FORWARD'])
    })
  })

  describe('code that has lost the context of its transaction', () => {
    const outside = AsyncResource.bind((edit: () => unknown) => edit())

    test.each(names)('%s is refused', async (way) => {
      if (ASYNCHRONOUS.includes(way) || way === 'an asynchronous commit') return
      const refused = () => expect(() => outside(() => WAYS[way]?.('FORWARD'))).toThrow(IptcError)
      table.transaction(() => {
        drop('INPUT')
        refused()
      })
      await nat.transactionAsync(() =>
        table.transactionAsync(async () => {
          await turns(1)
          refused()
          drop('OUTPUT')
        }),
      )
      expect(dropping()).toEqual(['INPUT', 'OUTPUT'])
    })
  })

  describe('a transaction within one on the same handle', () => {
    const no = new RangeError('no')
    const throwing = (chain: Builtin) => (): never => {
      drop(chain)
      throw no
    }
    const throwingAsync = (chain: Builtin) => async (): Promise<never> => {
      drop(chain)
      await turns(1)
      throw no
    }

    test('makes none of its edits if it throws', () => {
      table.transaction(() => {
        drop('INPUT')
        expect(() => table.transaction(throwing('FORWARD'))).toThrow(no)
        expect(table.getPolicy('FORWARD').name).toBe('ACCEPT')
        expect(table.getPolicy('INPUT').name).toBe('DROP')
        table.transaction(() => {
          drop('OUTPUT')
          expect(() => table.transaction(throwing('FORWARD'))).toThrow(no)
        })
      })
      expect(dropping()).toEqual(['INPUT', 'OUTPUT'])
      expect(kernel.count(WRITE)).toBe(1)
    })

    test('makes none of its edits if it throws, asynchronously', async () => {
      await table.transactionAsync(async () => {
        drop('INPUT')
        await expect(table.transactionAsync(throwingAsync('FORWARD'))).rejects.toBe(no)
        expect(() => table.transaction(throwing('FORWARD'))).toThrow(no)
        await table.transactionAsync(async () => {
          await turns(1)
          drop('OUTPUT')
          await expect(table.transactionAsync(throwingAsync('FORWARD'))).rejects.toBe(no)
        })
      })
      expect(dropping()).toEqual(['INPUT', 'OUTPUT'])
      expect(kernel.count(WRITE)).toBe(1)
    })

    test('that throws leaves nothing to write', async () => {
      table.transaction(() => expect(() => table.transaction(throwing('FORWARD'))).toThrow(no))
      await table.transactionAsync(() => table.transactionAsync(throwingAsync('FORWARD')).catch(() => {}))
      expect(kernel.count(WRITE)).toBe(0)
    })

    test('takes turns with its siblings', async () => {
      const input = new Chain(table, 'INPUT')
      await table.transactionAsync(() =>
        Promise.all(
          ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address, n) =>
            table.transactionAsync(async () => {
              for (let twice = 0; twice < 2; twice++) {
                await turns(3 - n)
                input.appendRule(Rule.parse(`-s ${address} -j DROP`))
              }
            }),
          ),
        ),
      )
      const found = new Chain(other(), 'INPUT').rules.map(({ src }) => src)
      expect(found).toEqual(
        ['10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.3', '10.0.0.3'].map((it) => `${it}/32`),
      )
      expect(kernel.count(WRITE)).toBe(1)
    })

    test('makes edits of the outer one wait, because they would be lost', async () => {
      await table.transactionAsync(async () => {
        const within = table.transactionAsync(async () => {
          await turns(3)
          drop('INPUT')
        })
        await turns(1)
        for (const edit of [() => drop('FORWARD'), () => table.transaction(() => drop('FORWARD'))])
          expect(edit).toThrow(/await/)
        await within
        drop('OUTPUT')
      })
      expect(dropping()).toEqual(['INPUT', 'OUTPUT'])
    })

    test('that is not awaited is not part of it, not even half of it', async () => {
      let within: Promise<unknown> | undefined
      await table.transactionAsync(async () => {
        within = table.transactionAsync(async () => {
          drop('INPUT')
          await turns(8)
          drop('FORWARD')
        })
        within.catch(() => {})
        await turns(2)
      })
      await expect(within).rejects.toThrow(/await the inner one/)
      expect(dropping()).toEqual([])
      drop('OUTPUT')
      expect(dropping()).toEqual(['OUTPUT'])
    })

    test('that a synchronous one did not await is not part of it', async () => {
      let within: Promise<unknown> | undefined
      table.transaction(() => {
        within = table.transactionAsync(() => drop('INPUT'))
        within.catch(() => {})
      })
      await expect(within).rejects.toThrow(/await the inner one/)
      expect(dropping()).toEqual([])
    })

    test('does not accept an asynchronous function if it is synchronous', () => {
      const within = () => table.transaction(async () => drop('INPUT'))
      table.transaction(() => void expect(within).toThrow(/transactionAsync/))
      expect(dropping()).toEqual([])
    })

    test('does nothing if its signal has been aborted', async () => {
      const reason = new RangeError('enough')
      const body = jest.fn(() => drop('INPUT'))
      await table.transactionAsync(async () => {
        await expect(table.transactionAsync(body, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
        const stop = new AbortController()
        const told = table.transactionAsync(
          async () => {
            drop('FORWARD')
            stop.abort(reason)
          },
          { signal: stop.signal },
        )
        await expect(told).rejects.toBe(reason)
        drop('OUTPUT')
      })
      expect(body).not.toHaveBeenCalled()
      expect(dropping()).toEqual(['OUTPUT'])
    })

    test('waits for its turn no longer than its signal allows', async () => {
      await table.transactionAsync(async () => {
        const slow = table.transactionAsync(() => turns(20))
        await turns(1)
        const impatient = table.transactionAsync(() => drop('INPUT'), { lockTimeoutMs: 0 })
        await expect(impatient).rejects.toThrow(LockTimeoutError)
        await slow
      })
      expect(dropping()).toEqual([])
    })
  })

  describe('closing a handle while it writes', () => {
    const counted = '*filter\n:INPUT ACCEPT [7:70]\n[5:50] -A INPUT -s 10.0.0.1 -j ACCEPT\nCOMMIT\n'
    const STAGES: readonly SystemCall['operation'][] =
      backend === 'legacy' ? (['getInfo', 'getEntries', WRITE, 'addCounters'] as const) : [WRITE]

    test.each(STAGES)('before %s: everything is done, including counters, or nothing', async (operation) => {
      restore(counted, { kernel, counters: true })
      const open = kernel.connections
      const closing = other()
      const edit = () =>
        closing.transactionAsync((it) => new Chain(it, 'INPUT').appendRule(Rule.parse('-s 10.0.0.9 -j DROP')))
      const writing = edit().then(
        () => true,
        (error) => {
          expect(error).toEqual(
            new IptcError('XT_CLOSED', 'table filter of ipv4 is closed; open it again with new Table or new Table6'),
          )
          return false
        },
      )
      await during(
        operation,
        () => writing,
        () => closing.close(),
      )
      expect(await writing).toBe(operation === WRITE || operation === 'addCounters')
      using reading = other()
      const [rule, ...more] = new Chain(reading, 'INPUT').rules
      reading.close()
      expect([rule?.counters, more.length]).toEqual([[5n, 50n], (await writing) ? 1 : 0])
      await expect(edit()).rejects.toThrow('closed')
      expect(() => closing.refresh()).toThrow('closed')
      expect(kernel.connections).toBe(open)
    })
  })

  describe('reading during an edit', () => {
    test('does not return the state before the edit', async () => {
      for (const start of [() => {}, () => table.refresh()]) {
        start()
        for (let after = 0; after < 6; after++) {
          table.setPolicy('INPUT', 'ACCEPT')
          start()
          const reading = table.refreshAsync()
          await turns(after)
          drop('INPUT')
          await reading
          expect([after, table.getPolicy('INPUT').name]).toEqual([after, 'DROP'])
        }
      }
    })

    test('does not return the state before a commit', async () => {
      const deferred = other({ autocommit: false })
      for (let after = 0; after < 6; after++) {
        deferred.refresh()
        deferred.setPolicy('INPUT', after % 2 === 0 ? 'DROP' : 'ACCEPT')
        const reading = deferred.refreshAsync()
        await turns(after)
        const committed = deferred.commitAsync()
        const [read] = await Promise.allSettled([reading, committed])
        if (read.status === 'rejected') expect(read.reason).toBeInstanceOf(ConflictError)
        expect([after, deferred.getPolicy('INPUT').name]).toEqual([after, other().getPolicy('INPUT').name])
      }
    })
  })
})

test('without a lock for ip_tables, the second one is refused', async () => {
  const unlocked: Kernel = Object.assign(new WatchedKernel(kernel), {
    lock: () => ({ release() {} }),
    withLockAsync: (_: unknown, body: (lend: Lend) => Promise<unknown>) => body(async (borrower) => borrower()),
  })
  const [one, two] = [
    new Table('filter', { kernel: unlocked, backend: 'legacy' }),
    new Table('filter', { kernel: unlocked, backend: 'legacy' }),
  ]
  const results = await Promise.allSettled([
    one.transactionAsync(() => drop('INPUT', one)),
    two.transactionAsync(() => drop('FORWARD', two)),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(dropping()).toEqual(['INPUT'])
})
