/** Finds out which of many new rules a kernel refuses, by trying them in an empty table. */

import { ERRNO } from '../../src/abi/errno'
import { type FamilyName, IPV4 } from '../../src/abi/family'
import { replace } from '../../src/abi/x-tables'
import { readRuleset } from '../../src/blob/read'
import { Chain, KernelError, MemoryKernel, RestoreError, Rule, RuleError, restore, Table } from '../../src/index'
import { type Connection, SockoptFailure } from '../../src/kernel/kernel'

/**
 * @param has whether a rule with this comment is sent
 * @param sent the whole request
 */
type Judge = (has: (comment: string) => boolean, sent: Uint8Array) => number | undefined

/** An in-process kernel with additional reasons to refuse rules. */
class StrictKernel extends MemoryKernel {
  readonly #judge: Judge
  readonly #shared: { trials: number; open: number }

  constructor(judge: Judge, shared = { trials: 0, open: 0 }) {
    super({ sets: { known: 'ipv4' } })
    this.#judge = judge
    this.#shared = shared
  }

  get trials(): number {
    return this.#shared.trials
  }

  get open(): number {
    return this.#shared.open
  }

  override connect(family: FamilyName): Connection {
    const connection = super.connect(family)
    const judge = (value: Uint8Array): void => {
      this.#shared.trials++
      const text = Buffer.from(value).toString('latin1')
      const errno = this.#judge((comment) => text.includes(`<${comment}>`), value)
      if (errno !== undefined) throw new SockoptFailure(errno)
    }
    const { setsockopt, setsockoptAsync } = connection
    connection.setsockopt = (option, value, ...more) => {
      if (option === IPV4.sockopt.replace) judge(value)
      setsockopt.call(connection, option, value, ...more)
    }
    connection.setsockoptAsync = async (option, value, ...more) => {
      if (option === IPV4.sockopt.replace) judge(value)
      await setsockoptAsync.call(connection, option, value, ...more)
    }
    return connection
  }

  override scratch() {
    this.#shared.open++
    return { kernel: new StrictKernel(this.#judge, this.#shared), close: () => void this.#shared.open-- }
  }
}

const COUNT = 40
const rule = (n: number, more = ''): Rule => Rule.parse(`-m comment --comment <${n}> ${more} -j ACCEPT`)

function fill(table: Table): void {
  const chain = new Chain(table, 'INPUT')
  for (let n = 1; n <= COUNT; n++) chain.appendRule(rule(n))
}

function refusal(body: () => void): RuleError {
  try {
    body()
  } catch (error) {
    expect(error).toBeInstanceOf(RuleError)
    return error as RuleError
  }
  throw new Error('it was taken')
}

const refuses = (kernel: StrictKernel, body: (table: Table) => void): RuleError => {
  using table = new Table('filter', { kernel, findRefused: true })
  return refusal(() => table.transaction(() => body(table)))
}

test('names the refused rule with few trials, and leaves the table unchanged', () => {
  const kernel = new StrictKernel((has) => (has('23') ? ERRNO.EINVAL : undefined))
  const error = refuses(kernel, fill)
  expect(error).toMatchObject({ table: 'filter', chain: 'INPUT', position: 22, cause: expect.any(KernelError) })
  expect(error.message).toBe(
    'table filter chain INPUT rule 23: SET_REPLACE filter: EINVAL (errno 22): the kernel may have put the reason into its log (dmesg)',
  )
  expect(kernel.trials).toBeLessThan(13)
  expect(kernel.open).toBe(0)
  expect(new Chain(new Table('filter', { kernel }), 'INPUT').rules).toEqual([])
})

test('asynchronously, too', async () => {
  const kernel = new StrictKernel((has) => (has('23') ? ERRNO.EINVAL : undefined))
  using table = new Table('filter', { kernel, findRefused: true })
  await expect(table.transactionAsync(() => fill(table))).rejects.toMatchObject({ chain: 'INPUT', position: 22 })
  using deferred = new Table('filter', { kernel, findRefused: true, autocommit: false })
  fill(deferred)
  await expect(deferred.commitAsync()).rejects.toMatchObject({ chain: 'INPUT', position: 22 })
  expect(kernel.open).toBe(0)
})

test('of two refused rules, the first is named', () => {
  const error = refuses(new StrictKernel((has) => (has('31') || has('8') ? ERRNO.EINVAL : undefined)), fill)
  expect(error.position).toBe(7)
})

test('rules that are only refused together are named together', () => {
  const error = refuses(new StrictKernel((has) => (has('31') && has('8') && has('9') ? ERRNO.EINVAL : undefined)), fill)
  expect(error.position).toBe(30)
  expect(error.message).toMatch(
    /; it is taken alone, and refused together with rule 8 of chain INPUT, rule 9 of chain INPUT$/,
  )
})

test('a rule is tried where the same hooks reach it', () => {
  const leads = (sent: Uint8Array): boolean => {
    const { name: _, ...layout } = replace.read(sent, 0)
    const { chains } = readRuleset(IPV4, 'filter', layout, sent.subarray(replace.size))
    return chains.get('INPUT')?.rules.some(({ jump }) => jump === 'deep') ?? false
  }
  const kernel = new StrictKernel((has, sent) => (has('5') && leads(sent) ? ERRNO.EINVAL : undefined))
  const error = refuses(kernel, (table) => {
    const chain = table.createChain('deep')
    new Chain(table, 'INPUT').appendRule(Rule.parse('-s 10.0.0.0/8 -j deep'))
    chain.appendRule(rule(4))
    chain.appendRule(rule(5))
  })
  expect(error).toMatchObject({ chain: 'deep', position: 1 })
  expect(error.message).not.toContain('together')
})

test('a rule is not blamed for an object that is missing in the scratch namespace', () => {
  const kernel = new StrictKernel((has) => (has('live') ? ERRNO.ENOENT : undefined))
  const error = refuses(kernel, (table) => {
    const chain = new Chain(table, 'INPUT')
    fill(table)
    chain.appendRule(Rule.parse('-m set --match-set known src -m comment --comment <41>'))
    chain.appendRule(Rule.parse('-m nfacct --nfacct-name <live>'))
  })
  expect(error).toMatchObject({ chain: undefined, position: undefined })
  expect(error.message).toContain('named by one of these: rule 41 of chain INPUT, rule 42 of chain INPUT')
})

test('the only rule that refers to something in the namespace is at fault if all others are accepted', () => {
  const kernel = new StrictKernel((has) => (has('live') ? ERRNO.ENOENT : undefined))
  const error = refuses(kernel, (table) => {
    fill(table)
    new Chain(table, 'INPUT').appendRule(Rule.parse('-m nfacct --nfacct-name <live>'))
  })
  expect(error).toMatchObject({ chain: 'INPUT', position: 40, extension: 'nfacct', parameter: 'nfacct-name' })
})

test('if the table is refused without its new rules, none of them is named', () => {
  const error = refuses(new StrictKernel(() => ERRNO.EINVAL), fill)
  expect(error).toMatchObject({ table: 'filter', chain: undefined, position: undefined })
})

test('without a scratch namespace the error says so; nothing is tried by default, or if memory is short', () => {
  const nowhere = new StrictKernel((has) => (has('23') ? ERRNO.EINVAL : undefined))
  Object.defineProperty(nowhere, 'scratch', { value: undefined })
  expect(refuses(nowhere, fill).message).toMatch(
    /could not be tried: in-process kernel has no scratch network namespace to try rules in; leave out the option findRefused$/,
  )
  for (const [errno, findRefused] of [
    [ERRNO.EINVAL, false],
    [ERRNO.ENOMEM, true],
  ] as const) {
    const kernel = new StrictKernel(() => errno)
    using table = new Table('filter', { kernel, findRefused })
    expect(() => table.transaction(() => fill(table))).toThrow(KernelError)
    expect(kernel.trials).toBe(1)
  }
})

test('for restored text, the line is named', () => {
  const kernel = new StrictKernel((has) => (has('23') ? ERRNO.EINVAL : undefined))
  const lines = Array.from({ length: COUNT }, (_, i) => `-A INPUT -m comment --comment <${i + 1}> -j ACCEPT`)
  const text = ['*filter', ...lines, 'COMMIT', ''].join('\n')
  const error = (() => {
    try {
      restore(text, { kernel, findRefused: true })
    } catch (caught) {
      return caught
    }
    return undefined
  })()
  expect(error).toBeInstanceOf(RestoreError)
  expect(error).toMatchObject({ line: 24 })
})
