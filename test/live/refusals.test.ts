/** Refusals of the kernel: its log message, which of many rules it refused, and rules that must not be written back. */
import { accessSync, constants, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { IPV4 } from '../../src/abi/family'
import { replace } from '../../src/abi/x-tables'
import { Chain, type KernelError, Rule, RuleError, Table } from '../../src/index'
import { captureTable } from '../../src/kernel/capture'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { openLog } from '../../src/kernel/linux/log'
import { unfaithful } from '../support/lossless'
import { run } from '../support/run-program'
import { tryWriting } from '../support/trial'
import { WatchedKernel } from '../support/watched-kernel'
import { openDescriptors, openedSince, runScript } from './machine'

function refusal(body: () => void): RuleError {
  try {
    body()
  } catch (error) {
    expect(error).toBeInstanceOf(RuleError)
    return error as RuleError
  }
  throw new Error('it was taken')
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * With `kernel.dmesg_restrict`, reading the log requires CAP_SYSLOG in the initial user namespace. Writing to it
 * requires root.
 */
function mayUseLog(): boolean {
  const log = openLog()
  log?.close()
  try {
    accessSync('/dev/kmsg', constants.W_OK)
    return log !== undefined
  } catch {
    return false
  }
}

describe('the log', () => {
  const whereItMayBeUsed = mayUseLog() ? test : test.skip
  const refused = Rule.parse('-m cgroup --path /no/such/group -j ACCEPT')

  whereItMayBeUsed(
    'is part of the error',
    async () => {
      using table = new Table('filter')
      const output = new Chain(table, 'OUTPUT')
      // The kernel limits the rate of its messages.
      for (let tries = 0; tries < 30; tries++) {
        const error = refusal(() => output.appendRule(refused))
        const lines = (error.cause as KernelError).log
        // Other processes may have written the lines.
        if (!lines.some((line) => line.startsWith('xt_cgroup: '))) await sleep(500)
        else {
          expect(lines).toContain('xt_cgroup: invalid path, errno=-2')
          expect(error).toMatchObject({ chain: 'OUTPUT', position: 0, extension: 'cgroup', parameter: 'path' })
          expect(error.message).toMatch(
            /^table filter chain OUTPUT rule 1: match cgroup: --path: there is no control group "\/no\/such\/group" \(SET_REPLACE filter: EINVAL\); the kernel logged meanwhile: .*xt_cgroup: invalid path, errno=-2/,
          )
          return
        }
      }
      throw new Error('nothing was logged')
    },
    30_000,
  )

  whereItMayBeUsed('is read from where it was opened on, without waiting, by each who did', () => {
    const say = (what: string): void => writeFileSync('/dev/kmsg', `xt_test: ${what}\n`)
    say('before')
    const first = openLog()
    say('between')
    const second = openLog()
    say('after')
    const ours = (lines: string[] = []): string[] => lines.filter((line) => line.startsWith('xt_test: '))
    expect(ours(second?.read())).toEqual(['xt_test: after'])
    expect(ours(first?.read())).toEqual(['xt_test: between', 'xt_test: after'])
    first?.close()
    second?.close()
    const third = openLog()
    expect(ours(third?.read())).toEqual([])
    third?.close()
  })

  test('is no reason to fail for who may not read it', () => {
    const said = runScript(`
      const { openLog } = require('./src/kernel/linux/log')
      dropCapabilities()
      console.log(openLog())
    `)
    // If everyone may read the log, there is a message.
    const expected = run('cat', ['/proc/sys/kernel/dmesg_restrict']).stdout.trim() === '0' ? '{' : 'undefined'
    expect(said.stdout + said.stderr).toContain(expected)
  })

  test('leaves no descriptor open, whether the table is accepted or refused', () => {
    using table = new Table('filter')
    const output = new Chain(table, 'OUTPUT')
    refusal(() => output.appendRule(refused))
    const before = openDescriptors()
    for (let i = 0; i < 5; i++) {
      refusal(() => output.appendRule(refused))
      output.flush()
    }
    expect(openedSince(before)).toEqual([])
  })
})

describe('one of many new rules', () => {
  const COUNT = 200
  const rules = Array.from({ length: COUNT }, (_, n) =>
    Rule.parse(n === 122 ? '-m limit --limit 3/day -j ACCEPT' : `-s 10.0.0.${n} -j ACCEPT`),
  )
  const fill = (table: Table): void => {
    const input = new Chain(table, 'INPUT')
    for (const rule of rules) input.appendRule(rule)
  }

  test('is found without another exchange of the live table', async () => {
    const kernel = new WatchedKernel()
    using table = new Table('filter', { kernel, findRefused: true })
    const before = openDescriptors()
    const error = refusal(() => table.transaction(() => fill(table)))
    expect(error).toMatchObject({ chain: 'INPUT', position: 122, extension: 'limit', parameter: 'limit-burst' })
    await expect(table.transactionAsync(() => fill(table))).rejects.toMatchObject({ chain: 'INPUT', position: 122 })
    expect(kernel.sent).toHaveLength(2)
    expect(openedSince(before).length).toBeLessThanOrEqual(1)
    expect(new Chain(table, 'INPUT').rules).toEqual([])
  })

  test('is not searched for by default', () => {
    using table = new Table('filter')
    expect(() => table.transaction(() => fill(table))).toThrow(/^SET_REPLACE filter: ERANGE/)
  })

  test('is not blamed for a set that is missing in the scratch namespace', () => {
    run('ipset', ['create', 'here', 'hash:ip'])
    using table = new Table('filter', { findRefused: true })
    const error = refusal(() =>
      table.transaction(() => {
        const input = new Chain(table, 'INPUT')
        input.appendRule(Rule.parse('-m set --match-set here src -j ACCEPT'))
        input.appendRule(Rule.parse('-m limit --limit 3/day -m set --match-set here src -j ACCEPT'))
      }),
    )
    expect(error).toMatchObject({ chain: 'INPUT', position: 1, extension: 'limit' })
  })
})

test('the index of a missing set is refused before the kernel is called', () => {
  const kernel = new WatchedKernel()
  using table = new Table('filter', { kernel })
  const rule = Rule.parse('-m set --match-set #4711 src -j ACCEPT')
  const error = refusal(() => new Chain(table, 'INPUT').appendRule(rule))
  expect(error).toMatchObject({ extension: 'set', parameter: 'match-set' })
  expect(kernel.sent).toEqual([])
})

test('a byte that the kernel returns differently is noticed', () => {
  const kernel = new WatchedKernel()
  using table = new Table('mangle', { kernel })
  new Chain(table, 'INPUT').appendRule(Rule.parse('-m helper --helper ftp -j MARK --set-mark 1'))
  const sent = kernel.sent.at(-1)?.subarray(replace.size) ?? new Uint8Array()
  const handed = captureTable(new LinuxKernel(), 'ipv4', 'mangle').entries
  const context = { family: IPV4, sets: { byName: () => undefined, byIndex: () => undefined } }
  expect(unfaithful(context, sent, handed)).toEqual([])
  const given = sent.slice()
  given[Buffer.from(given).indexOf('ftp')] = 0x78
  expect(unfaithful(context, given, handed)).toEqual([
    expect.stringMatching(/^of the entry at \d+, byte \d+ was 120, is 102$/),
    expect.stringMatching(/^of the entry at \d+, match helper --helper was \["xtp"\], is \["ftp"\]$/),
  ])
})

describe('the policy of a CT target', () => {
  const python = (...words: string[]): string => {
    const { status, stdout, stderr } = run('/usr/bin/python3', [join(__dirname, 'ct-timeouts.py'), ...words])
    if (status !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  const uses = (): string[] => ['longtimeout', 'long'].map((name) => python('use', name))

  test('stays the same, unless another one is requested by name', () => {
    for (const name of ['longtimeout', 'long']) python('new', name)
    const other = Rule.parse('-s 10.0.0.1 -j ACCEPT')
    using table = new Table('raw')
    new Chain(table, 'PREROUTING').appendRule(Rule.parse('-p tcp -j CT --timeout longtimeout'))
    expect(uses()).toEqual(['2', '1'])
    const error = refusal(() => new Chain(table, 'OUTPUT').appendRule(other))
    expect(error).toMatchObject({ chain: 'PREROUTING', position: 0, extension: 'CT', parameter: 'timeout' })
    expect(uses()).toEqual(['2', '1'])
    using careless = new Table('raw', { rewrite: ['CT --timeout'] })
    new Chain(careless, 'OUTPUT').appendRule(other)
    expect(uses()).toEqual(['1', '2'])
    table.flush()
    expect(uses()).toEqual(['1', '1'])
  })

  test('is the only thing that a rule loses', () => {
    const lines = ['long', 'longtimeout'].map((name) => `-A OUTPUT -p tcp -j CT --timeout ${name}`)
    const one = {
      name: 'CT',
      extension: 'CT',
      family: IPV4,
      table: 'raw' as const,
      setup: [],
      refused: [],
      accepted: lines,
    }
    expect(tryWriting(one)).toEqual([])
  })
})

test('a scratch namespace is gone after it was closed', () => {
  const before = openDescriptors()
  const scratch = new LinuxKernel().scratch()
  const client = new Client(scratch.kernel, IPV4)
  expect(client.info('filter').numEntries).toBe(4)
  client.close()
  scratch.close()
  expect(openedSince(before)).toEqual([])
})
