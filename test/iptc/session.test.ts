/** What must not be lost: edits during a transaction or an asynchronous commit, and counters. */
import {
  Chain,
  ConflictError,
  easy,
  IptcError,
  LockTimeoutError,
  MemoryKernel,
  Rule,
  restore,
  save,
  Table,
} from '../../src/index'
import { onBackends } from '../support/backends'
import { cpuTime } from '../support/cpu-time'
import { addChain } from '../support/nft-writer'
import { WatchedKernel } from '../support/watched-kernel'

const tick = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

let kernel: MemoryKernel
let table: Table
let deferred: Table

beforeEach(() => {
  kernel = new MemoryKernel()
  table = new Table('filter', { kernel })
  deferred = new Table('filter', { kernel, autocommit: false })
})

const chains = (): string[] => {
  table.refresh()
  return table.chains.map(String)
}

onBackends((backend) => {
  describe('a transaction', () => {
    test.each<[string, () => unknown]>([
      ['the dictionary API', () => easy.setPolicy('filter', 'INPUT', 'DROP', { kernel })],
      ['another handle', () => new Table('filter', { kernel }).createChain('beside')],
      [
        'another handle that commits',
        () => new Table('filter', { kernel }).transaction((it) => it.createChain('beside')),
      ],
    ])('refuses edits of its table through %s, which it would overwrite', (_, edit) => {
      expect(() => table.transaction(edit)).toThrow(IptcError)
      expect(chains()).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
      expect(table.getPolicy('INPUT').name).toBe('ACCEPT')
    })

    test('allows edits of other tables, families and kernels', () => {
      table.transaction(() => {
        table.createChain('here')
        easy.addChain('nat', 'there', { kernel })
        easy.addChain('filter', 'there', { kernel, ipv6: true })
        easy.addChain('filter', 'there', { kernel: new MemoryKernel() })
      })
      expect(chains()).toContain('here')
      expect(easy.hasChain('nat', 'there', { kernel })).toBe(true)
    })

    test('is over for work that it does not await', async () => {
      let later = Promise.resolve()
      table.transaction(() => {
        later = tick(1).then(() => void table.createChain('later'))
      })
      await later
      expect(chains()).toContain('later')
    })
  })

  describe('edits during asynchronous work', () => {
    test('stay for the next commit, during a transaction', async () => {
      const running = deferred.transactionAsync(() => tick(20))
      await tick(5)
      deferred.createChain('kept')
      await running
      expect(deferred.isChain('kept')).toBe(true)
      deferred.commit()
      expect(chains()).toContain('kept')
    })

    test('stay for the next commit, during a commit', async () => {
      deferred.createChain('first')
      const running = deferred.commitAsync()
      await tick(0)
      deferred.createChain('second')
      await running
      deferred.commit()
      expect(chains()).toEqual(expect.arrayContaining(['first', 'second']))
    })

    test('are not lost by a reading that began before them', async () => {
      const reading = deferred.refreshAsync()
      deferred.createChain('kept')
      await expect(reading).rejects.toThrow(ConflictError)
      expect(deferred.isChain('kept')).toBe(true)
    })

    test('are lost if the reading that they are based on is discarded during its commit', async () => {
      deferred.createChain('dropped')
      const running = deferred.commitAsync()
      deferred.refresh()
      // The caller cannot know whether the commit had begun by then.
      await running.catch((error) => expect(error).toBeInstanceOf(ConflictError))
      expect(chains()).not.toContain('dropped')
    })
  })

  describe('edits made while others are written', () => {
    const TEXT = `*filter
:old - [0:0]
-A INPUT -s 10.0.0.1
-A INPUT -s 10.0.0.2
-A INPUT -s 10.0.0.3
-A INPUT -j old
-A old -s 10.0.0.4
COMMIT
`
    const chain = (name: string): Chain => new Chain(deferred, name)
    const saved = (): string => save({ kernel }).replace(/^#.*$/gm, '')
    /** Commits, and edits while the kernel is working. */
    async function commitBeside(first: () => void, edit: () => void): Promise<void> {
      const watched = new WatchedKernel(kernel)
      deferred = new Table('filter', { kernel: watched, autocommit: false })
      let times = 0
      watched.hold = async ({ operation }) => {
        if ((operation === 'replace' || operation === 'batch') && times++ === 0) edit()
      }
      first()
      await deferred.commitAsync()
      expect(times).toBeGreaterThan(0)
    }
    const appendMany = (count: number): void => {
      for (let n = 0; n < count; n++) chain('old').appendRule(Rule.parse(`-s 10.1.0.${n}`))
    }

    const PAIRS: readonly (readonly [string, () => void, () => void])[] = [
      [
        'an append, after a rule has gone and a chain come',
        () => {
          chain('INPUT').deleteRule(0)
          deferred.createChain('new')
        },
        () => chain('INPUT').appendRule(Rule.parse('-j new')),
      ],
      [
        'a deletion, after a rule has gone and a chain come',
        () => {
          chain('INPUT').deleteRule(0)
          deferred.createChain('new')
        },
        () => chain('INPUT').deleteRule(0),
      ],
      ['a new chain, after a renaming', () => deferred.renameChain('old', 'new'), () => deferred.createChain('old')],
      [
        'a renaming, after another',
        () => deferred.renameChain('old', 'new'),
        () => deferred.renameChain('new', 'newer'),
      ],
      [
        'a renaming of a new chain',
        () => {
          deferred.createChain('a')
          chain('INPUT').appendRule(Rule.parse('-j a'))
        },
        () => deferred.renameChain('a', 'b'),
      ],
      [
        'deletions among many that are new',
        () => appendMany(100),
        () => {
          for (let n = 0; n < 97; n++) chain('old').deleteRule(2)
        },
      ],
      [
        'a policy, after another',
        () => deferred.setPolicy('INPUT', 'DROP'),
        () => deferred.setPolicy('OUTPUT', 'DROP'),
      ],
    ]

    test.each(PAIRS)('%s: the result is as if they came later', async (_, first, second) => {
      restore(TEXT, { kernel })
      await commitBeside(first, second)
      deferred.commit()
      const beside = saved()
      restore(TEXT, { kernel })
      deferred.refresh()
      first()
      deferred.commit()
      second()
      deferred.commit()
      expect(beside).toBe(saved())
    })

    if (backend === 'nft')
      test.each(PAIRS)('%s: refused if another program changes the table before them', async (_, first, second) => {
        restore(TEXT, { kernel })
        await commitBeside(first, second)
        const written = saved()
        addChain(kernel, 'theirs')
        expect(() => deferred.commit()).toThrow(ConflictError)
        expect(saved().replace(':theirs - [0:0]\n', '')).toBe(written)
      })
  })

  describe('counters', () => {
    const counted = (): Rule => {
      const rule = Rule.parse('-j ACCEPT')
      rule.counters = [100, 1000]
      return rule
    }

    test('are zero if two programs reset them, not less', () => {
      new Chain(table, 'INPUT').appendRule(counted())
      deferred.zeroEntries()
      table.zeroEntries()
      // In nf_tables, a rule with reset counters is a different one.
      if (backend === 'nft') expect(() => deferred.commit()).toThrow(ConflictError)
      else deferred.commit()
      table.refresh()
      expect(new Chain(table, 'INPUT').rules[0]?.counters).toEqual([0n, 0n])
    })

    test('continue across a commit with edits during it', async () => {
      table.createChain('old')
      const jump = Rule.parse('-j old')
      jump.counters = [100, 1000]
      new Chain(table, 'INPUT').appendRule(jump)
      deferred.renameChain('old', 'new')
      const running = deferred.commitAsync()
      await tick(0)
      deferred.createChain('beside')
      await running
      deferred.commit()
      table.refresh()
      const [rule] = new Chain(table, 'INPUT').rules
      expect([String(rule), rule?.counters]).toEqual(['-j new', [100n, 1000n]])
    })
  })

  test('the time for many appends in one transaction is linear', () => {
    const append = (count: number): number => {
      const input = new Chain(table, 'INPUT')
      const rules = Array.from({ length: count }, () => Rule.parse('-j ACCEPT'))
      table.transaction(() => input.flush())
      return cpuTime(() =>
        table.transaction(() => {
          for (const rule of rules) input.appendRule(rule)
        }),
      )
    }
    append(2_000)
    const [few, many] = [append(4_000), append(32_000)]
    // Eight times as many rules. If each copied the chain, this would take sixty-four times as long.
    expect(many / few).toBeLessThan(30)
  })

  describe('a call whose signal is aborted', () => {
    const reason = new RangeError('enough')
    const aborted = AbortSignal.abort(reason)

    test.each<[string, () => Promise<unknown>]>([
      ['refreshAsync', () => table.refreshAsync({ signal: aborted })],
      ['commitAsync', () => deferred.commitAsync({ signal: aborted })],
      ['transactionAsync', () => table.transactionAsync(() => void table.createChain('new'), { signal: aborted })],
    ])('%s does nothing if it was aborted before', async (_, call) => {
      deferred.createChain('new')
      await expect(call()).rejects.toBe(reason)
      expect(chains()).not.toContain('new')
      deferred.commit()
      expect(chains()).toContain('new')
    })

    test('stops waiting for the lock', async () => {
      const stop = new AbortController()
      const held = table.transactionAsync(() => tick(50))
      deferred.createChain('new')
      const committing = deferred.commitAsync({ signal: stop.signal })
      await tick(1)
      stop.abort(reason)
      await expect(committing).rejects.toBe(reason)
      await held
      expect(chains()).not.toContain('new')
    })

    test('writes nothing if its body is aborted', async () => {
      const stop = new AbortController()
      const body = async () => {
        table.createChain('new')
        await tick(1)
        stop.abort(reason)
      }
      await expect(table.transactionAsync(body, { signal: stop.signal })).rejects.toBe(reason)
      expect(chains()).not.toContain('new')
      kernel.lock(0).release()
    })

    test('has its own time limit for the lock', async () => {
      const held = table.transactionAsync(() => tick(50))
      const other = new Table('filter', { kernel })
      await expect(other.transactionAsync(() => {}, { lockTimeoutMs: 5 })).rejects.toThrow(LockTimeoutError)
      await held
    })

    test.each<[string, object]>([
      ['signal', { signal: {} }],
      ['lockTimeoutMs', { lockTimeoutMs: -1 }],
      ['lockTimeoutMs', { lockTimeoutMs: Number.NaN }],
      ['lockTimeoutMs', { lockTimeoutMs: '5' }],
      ['lockTimeout', { lockTimeout: 5 }],
    ])('refuses a wrong %s', async (name, options) => {
      await expect(table.transactionAsync(() => {}, options)).rejects.toThrow(IptcError)
      await expect(table.commitAsync(options)).rejects.toThrow(name)
    })

    test.each([-1, Number.NaN, '5', null])('a table refuses a lockTimeoutMs of %p', (lockTimeoutMs) => {
      expect(() => new Table('filter', { kernel, lockTimeoutMs: lockTimeoutMs as number })).toThrow(/lockTimeoutMs/)
    })
  })
})
