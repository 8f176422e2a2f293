/** `xtables top`. */
import { EventEmitter } from 'node:events'
import { main } from '../../src/cli/main'
import { openKernel } from '../../src/cli/open-kernel'
import { Screen, type Terminal } from '../../src/cli/screen'
import { runTop, sleep, type TopIo } from '../../src/cli/top'
import { type BackendName, type MemoryKernel, restore } from '../../src/index'
import { filterOf, kernelWith } from '../view/tables'

const BEFORE = filterOf('[5:50] -A INPUT -j LOG', '[1:10] -A INPUT -i lo -j ACCEPT', '[0:0] -A INPUT -j DROP')
/** The second rule counts so much that its rates keep their unit even if an interval lasts a minute on a busy machine. */
const AFTER = filterOf(
  '[5:50] -A INPUT -j LOG',
  '[200000001:90000000010] -A INPUT -i lo -j ACCEPT',
  '[7:70] -A INPUT -s 10.0.0.1 -j DROP',
  '[50:100] -A INPUT -j DROP',
)

interface Run {
  readonly kernel: MemoryKernel
  readonly said: string[]
  readonly end: AbortController
  readonly done: Promise<void>
}

function start(words: string, io: Partial<TopIo> = {}, backend: BackendName = 'legacy'): Run {
  const kernel = kernelWith(BEFORE, backend)
  const open = Object.assign(openKernel({ kernel: 'memory' }), { kernel })
  const [said, end] = [[] as string[], new AbortController()]
  const done = runTop(words.split(' '), open, { stdout: (text) => void said.push(text), ...io }, end.signal)
  return { kernel, said, end, done }
}

/** Waits as the command does, after an action that depends on the number of readings so far. */
const afterReading = (act: (readings: number) => void): NonNullable<TopIo['sleep']> => {
  let readings = 0
  return async (ms, signal) => {
    act(++readings)
    await sleep(ms, signal)
  }
}

/** Starts the command; the counters change after the first reading. */
function startBeforeChange(words: string, backend: BackendName): Run {
  const change = (): void => restore(AFTER, { kernel: run.kernel, backend, counters: true })
  const run = start(words, { sleep: afterReading((readings) => readings === 1 && change()) }, backend)
  return run
}

/** As the command measures it: the system clock may be set while it runs. */
const now = (): number => performance.timeOrigin + performance.now()

const BACKENDS = ['legacy', 'nft'] as const

describe.each(BACKENDS)('%s', (backend) => {
  test('one block for each interval, with the rules that have counted', async () => {
    const { said, done } = startBeforeChange('-d 0.3 -n 2', backend)
    await done
    const [first, second, ...others] = said.map((text) => text.split('\n'))
    expect(others).toEqual([])
    expect(first?.[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}\d+\.\d s {2}2 of 4 rules counted$/)
    expect(first?.[1]).toBe('  packets/s      bytes/s  table           chain and rule')
    expect(first?.[2]).toMatch(/^ +\d+\.\d\dM +\d+\.\d\dG {2}ipv4 filter {5}INPUT 2 {2}-i lo -j ACCEPT$/)
    expect(first?.[3]).toMatch(/^ +\d+\.\d +\d+\.\d {2}ipv4 filter {5}INPUT 4 {2}-j DROP$/)
    expect(first?.slice(4)).toEqual(['', ''])
    expect(second?.[0]).toMatch(/ 0 of 4 rules counted$/)
    expect(second?.slice(2)).toEqual(['', ''])
  })

  test('one line of JSON for each interval', async () => {
    const from = now()
    const { said, done } = startBeforeChange('--delay 0.2 --count 1 --json', backend)
    await done
    const to = now()
    expect(said.map((text) => text.match(/\n/g)?.length)).toEqual([1])
    const { time, seconds, rules } = JSON.parse(said.join(''))
    expect(time).toBeGreaterThanOrEqual(from)
    expect(time).toBeLessThanOrEqual(to)
    expect(rules).toMatchObject([
      { family: 'ipv4', table: 'filter', chain: 'INPUT', position: 2, packets: 200000000, bytes: 90000000000 },
      { position: 4, rule: '-j DROP', packets: 50, bytes: 100, isRestarted: false },
    ])
    // The rates are of the time between the snapshots, which differs from `seconds` if the processor is lost in between.
    for (const interval of [seconds, 50 / rules[1].packetsPerSecond]) {
      expect(interval).toBeGreaterThan(0.19)
      expect(interval).toBeLessThanOrEqual((to - from) / 1000)
    }
    expect(rules[0].packetsPerSecond / rules[1].packetsPerSecond).toBeCloseTo(200_000_000 / 50)
  })
})

test('stops at the signal while it waits', async () => {
  const { said, end, done } = start('-d 3600', { sleep: afterReading(() => setImmediate(() => end.abort())) })
  await done
  expect(said).toEqual([])
})

test('one family, or the selected tables', async () => {
  const { said, done } = start('-6 -d 0.05 -n 1')
  await done
  expect(said[0]).toContain('0 of 0 rules counted')
})

test.each([
  ['-d 0', '--delay must be a number of seconds above 0, not 0'],
  ['-d x', '--delay must be a number of seconds above 0, not x'],
  ['-d 1e9', '--delay must be a number of seconds above 0'],
  ['--delay=', '--delay must be a number of seconds above 0'],
  ['-n 0', '--count must be a number of readings from 1, not 0'],
  ['-n 1.5', '--count must be a number of readings from 1, not 1.5'],
  ['-t nope', 'there is no table "nope"'],
])('%s is refused', async (words, message) => {
  await expect(start(words).done).rejects.toThrow(message)
})

test('cannot be a line of a batch', () => {
  const said: string[] = []
  const streams = { stdout: (text: string) => said.push(text), stderr: (text: string) => said.push(text) }
  main('xtables', ['--kernel', 'memory', 'batch'], {
    ...streams,
    stdin: () => '',
    lines: () => ['top'],
    goOn: () => {},
  })
  expect(said.join('')).toContain('top runs until it is stopped: it cannot be a line of a batch')
})

/** A terminal that records all calls. */
class FakeTerminal implements Terminal {
  readonly stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    isRaw: false,
    isPaused: true,
    setRawMode(mode: boolean) {
      this.isRaw = mode
      return this
    },
    pause() {
      this.isPaused = true
      return this
    },
    resume() {
      this.isPaused = false
      return this
    },
  }) as unknown as Terminal['stdin'] & { isRaw: boolean; isPaused: boolean; emit: EventEmitter['emit'] } & EventEmitter
  readonly stdout = { rows: 3, columns: 80 }
}

const [ENTER, LEAVE] = ['\x1b[?1049h\x1b[?25l\x1b[?7l', '\x1b[?7h\x1b[?25h\x1b[?1049l']

const listenersOf = (): number[] => ['exit', 'SIGHUP', 'SIGQUIT'].map((event) => process.listenerCount(event))

describe('on a terminal', () => {
  test.each(['q', 'Q', '\x03', 'xq'])(
    'is drawn until the key %j is pressed; then the terminal is restored',
    async (key) => {
      const terminal = new FakeTerminal()
      const before = listenersOf()
      const states: unknown[] = []
      const press = (readings: number): void => {
        states.push([terminal.stdin.isRaw, terminal.stdin.isPaused])
        if (readings === 3) terminal.stdin.emit('data', Buffer.from('x'))
        if (readings === 5) terminal.stdin.emit('data', Buffer.from(key))
      }
      const io = { terminal: () => terminal, colours: () => true, sleep: afterReading(press) }
      const { said, done } = start('-d 0.01', io)
      await done
      expect(states).toEqual(Array(5).fill([true, false]))
      // It says that it waits, and draws after each reading but the first.
      expect(said).toHaveLength(1 + 1 + 4 + 1)
      expect([said[0], said.at(-1)]).toEqual([ENTER, LEAVE])
      expect(said[2]?.replaceAll('\x1b', '')).toMatch(/^\[H\[1m\d{4}-.*counted\[22m\[K\r\n.*\[K\[J$/s)
      expect([terminal.stdin.isRaw, terminal.stdin.isPaused, terminal.stdin.listenerCount('data')]).toEqual([
        false,
        true,
        0,
      ])
      expect(listenersOf()).toEqual(before)
    },
  )

  test('restores the terminal if the tables can no longer be read', async () => {
    const terminal = new FakeTerminal()
    const breakKernel = (): void => {
      jest.spyOn(kernel, 'tables').mockImplementation(() => {
        throw new Error('gone')
      })
    }
    const io = { terminal: () => terminal, sleep: afterReading(breakKernel) }
    const { kernel, said, done } = start('-d 0.01', io)
    await expect(done).rejects.toThrow('gone')
    expect([said.at(-1), terminal.stdin.isRaw]).toEqual([LEAVE, false])
  })

  test('prints no more lines than fit, and reads no keys if standard input is not a terminal', () => {
    const terminal = new FakeTerminal()
    Object.assign(terminal.stdin, { isTTY: false })
    const said: string[] = []
    let ended = 0
    const screen = new Screen(
      terminal,
      (text) => said.push(text),
      () => ended++,
    )
    screen.draw(['1', '2', '3', '4'])
    expect(said[1]).toBe('\x1b[H1\x1b[K\r\n2\x1b[K\r\n3\x1b[K\x1b[J')
    terminal.stdin.emit('data', 'q')
    expect([ended, terminal.stdin.isRaw]).toEqual([0, false])
    screen[Symbol.dispose]()
    screen[Symbol.dispose]()
    expect(said.slice(2)).toEqual([LEAVE])
  })

  test('does not touch the terminal with --json', async () => {
    const terminal = new FakeTerminal()
    const { said, done } = start('-d 0.05 -n 1 --json', { terminal: () => terminal })
    await done
    expect(said.join('')).toMatch(/^\{.*\}\n$/)
  })
})
