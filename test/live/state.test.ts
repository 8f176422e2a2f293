/** Which state of the kernel an edit of the table resets and which it keeps, as declared. */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { findExtension } from '../../src/extensions/registry'
import { Chain, Rule, Table } from '../../src/index'
import { run } from '../support/run-program'
import { until } from '../support/until'

const PORT = 9
const table = new Table('filter')
const input = new Chain(table, 'INPUT')

beforeAll(() => {
  expect(run('ip', ['link', 'set', 'lo', 'up']).status).toBe(0)
})
afterAll(() => table.close())
beforeEach(() => input.flush())

/** Sends packets to this machine, from one port. */
async function send(count: number): Promise<void> {
  const socket = createSocket('udp4')
  for (let i = 0; i < count; i++)
    await new Promise<void>((resolve, reject) =>
      socket.send('0123456789', PORT, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
    )
  socket.close()
}

/** An edit that does not touch the rule. */
function edit(): void {
  const forward = new Chain(table, 'FORWARD')
  forward.appendRule(Rule.parse('-s 10.0.0.1 -j ACCEPT'))
  forward.flush()
}

/** How often the rule has matched. */
function matched(): number {
  table.refresh()
  return Number(input.rules[0]?.counters[0])
}

const add = (words: string): void => input.appendRule(Rule.parse(`-p udp --dport ${PORT} ${words}`))

test.each([
  // 38 bytes per packet
  ['quota', '-m quota --quota 380', 20, 10],
  ['limit', '-m limit --limit 1/hour --limit-burst 7', 20, 7],
  ['statistic', '-m statistic --mode nth --every 1000 --packet 5', 20, 1],
])('%s is reset', async (name, words, packets, matches) => {
  expect(findExtension('match', name)?.restarts).toBeDefined()
  add(words)
  await send(packets)
  expect(matched()).toBe(matches)
  await send(packets)
  expect(matched()).toBe(matches)
  edit()
  await send(packets)
  expect(matched()).toBe(2 * matches)
})

test('connlimit is reset', async () => {
  expect(findExtension('match', 'connlimit')?.restarts).toBeDefined()
  add('-m connlimit --connlimit-above 2')
  for (let i = 0; i < 4; i++) await send(1)
  expect(matched()).toBe(2)
  edit()
  await send(1)
  expect(matched()).toBe(2)
})

test('IDLETIMER is reset', async () => {
  expect(findExtension('target', 'IDLETIMER')?.restarts).toBeDefined()
  add('-j IDLETIMER --timeout 100 --label xtables-test')
  const left = (): number => Number(readFileSync('/sys/class/xt_idletimer/timers/xtables-test', 'utf8'))
  await until('some seconds have passed', () => left() < 98)
  const before = left()
  edit()
  expect(left()).toBeGreaterThan(before)
})

test('hashlimit continues', async () => {
  expect(findExtension('match', 'hashlimit')?.restarts).toBeUndefined()
  add('-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 7 --hashlimit-name test --hashlimit-mode srcip')
  await send(20)
  expect(matched()).toBe(7)
  edit()
  await send(20)
  expect(matched()).toBe(7)
})

test('recent continues', async () => {
  expect(findExtension('match', 'recent')?.restarts).toBeUndefined()
  add('-m recent --name test --set')
  await send(1)
  const list = (): string => readFileSync('/proc/thread-self/net/xt_recent/test', 'utf8')
  const before = list()
  expect(before).toMatch(/^src=127\.0\.0\.1 /)
  edit()
  expect(list()).toBe(before)
})
