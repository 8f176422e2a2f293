import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LockTimeoutError, PermissionError } from '../../src/errors'
import { LinuxKernel, Table, type WaitOptions } from '../../src/index'
import { takeLock, withLockAsync } from '../../src/kernel/linux/lock'
import { cpuTimeSince } from '../support/cpu-time'
import { slowness } from '../support/until'
import { openDescriptors, openedSince, recordBlocking } from './machine'

const { XTABLES_LOCKFILE: outerFile } = process.env
let directory: string
let file: string
let descriptors: ReadonlySet<string>

const AT_ONCE = { timeoutMs: 0 }
const FOR_EVER = { timeoutMs: Number.POSITIVE_INFINITY }

const useFile = (path: string): void => void Object.assign(process.env, { XTABLES_LOCKFILE: path })

// The kernel's log is opened once, and stays open.
beforeAll(() => new LinuxKernel().log()?.close())

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-lock-'))
  file = join(directory, 'lock')
  useFile(file)
  descriptors = openDescriptors()
})

afterEach(() => {
  expect(openedSince(descriptors)).toEqual([])
  expect(isFree()).toBe(true)
  rmSync(directory, { recursive: true })
})

afterAll(() => {
  if (outerFile === undefined) Reflect.deleteProperty(process.env, 'XTABLES_LOCKFILE')
  else useFile(outerFile)
})

/** Whether another program could take the lock. */
const isFree = (path = file): boolean => spawnSync('flock', ['-n', path, 'true']).status === 0

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** If a test fails, these processes would keep Jest from exiting. */
const others = new Set<ChildProcess>()
afterEach(() => {
  for (const child of others) child.stdin?.destroy()
})

/** Another program that holds the lock until `seconds` after it has read a line, or its standard input has ended. */
async function otherHolder(seconds = 0): Promise<ChildProcess> {
  const script = `echo held; read line; sleep ${seconds}; : >${file}.done`
  const child = spawn('flock', [file, 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  others.add(child)
  child.once('exit', () => others.delete(child))
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end()
  if (child.exitCode === null) await once(child, 'exit')
}

let blocked: number[]
beforeEach(() => {
  blocked = recordBlocking()
})
afterEach(() => jest.restoreAllMocks())

const names: string[] = []
const say = (name: string): void => void names.push(name)
beforeEach(() => void names.splice(0))

describe('synchronous', () => {
  test('excludes others while it is held; the file is private and stays', () => {
    const lock = takeLock(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(isFree()).toBe(false)
    lock.release()
    expect(isFree()).toBe(true)
    expect(statSync(file).isFile()).toBe(true)
  })

  test('nested calls join, and the last release releases the lock', () => {
    const [outer, inner] = [takeLock(0), takeLock(0)]
    outer.release()
    expect(isFree()).toBe(false)
    inner.release()
    expect(isFree()).toBe(true)
  })

  test('releasing a lock again has no effect', () => {
    const [outer, inner] = [takeLock(0), takeLock(0)]
    inner.release()
    inner.release()
    expect(isFree()).toBe(false)
    outer.release()
    const next = takeLock(0)
    outer.release()
    expect(isFree()).toBe(false)
    next.release()
  })

  test('does not wait with timeout 0, and waits for the given time otherwise', async () => {
    const other = await otherHolder()
    expect(() => takeLock(0)).toThrow(LockTimeoutError)
    expect(() => takeLock(Number.NaN)).toThrow(LockTimeoutError)
    expect(blocked).toEqual([])
    const start = performance.now()
    expect(() => takeLock(100)).toThrow(LockTimeoutError)
    expect(performance.now() - start).toBeGreaterThanOrEqual(99)
    expect(blocked.reduce((sum, ms) => sum + ms)).toBeLessThan(110)
    await end(other)
  })

  test.each([Number.POSITIVE_INFINITY, 5000])('gets the lock when the other is done (timeout %p)', async (timeout) => {
    const other = await otherHolder(0.3)
    other.stdin?.write('\n')
    takeLock(timeout).release()
    expect(existsSync(`${file}.done`)).toBe(true)
    // The pauses between its polls are short, so that it notices soon.
    expect(Math.max(...blocked)).toBeLessThan(10)
    await end(other)
  })

  test('a process that is started in the meantime does not keep the lock', async () => {
    const lock = takeLock(0)
    const child = spawn('sleep', ['60'])
    lock.release()
    expect(isFree()).toBe(true)
    child.kill()
    await once(child, 'close')
  })

  test('the environment names the file at each use', () => {
    const lock = takeLock(0)
    const second = join(directory, 'second')
    useFile(second)
    const other = takeLock(0)
    lock.release()
    expect([isFree(), isFree(second)]).toEqual([true, false])
    other.release()
  })

  test('the error for a file that cannot be opened says what to do', () => {
    writeFileSync(file, '')
    for (const path of [join(file, 'below-a-file'), join(directory, 'missing', 'lock')]) {
      useFile(path)
      expect(() => takeLock(0)).toThrow(PermissionError)
      expect(() => takeLock(0)).toThrow(/XTABLES_LOCKFILE/)
    }
  })
})

describe('asynchronous', () => {
  test('holds the lock while the body runs, and returns its result', async () => {
    const body = async () => {
      await sleep(5)
      return isFree()
    }
    expect(await withLockAsync(AT_ONCE, body)).toBe(false)
  })

  test('releases it when the body fails', async () => {
    const fail = async () => {
      throw new RangeError('no')
    }
    await expect(withLockAsync(AT_ONCE, fail)).rejects.toThrow(RangeError)
  })

  test('releases it when the body throws before it returns a promise', async () => {
    const fail = () => {
      throw new RangeError('no')
    }
    await expect(withLockAsync(AT_ONCE, fail)).rejects.toThrow(RangeError)
  })

  test('functions that the lock is lent to join, in both forms and at any depth', async () => {
    const inner = async () => {
      await sleep(1)
      takeLock(0).release()
      return withLockAsync(AT_ONCE, async () => isFree())
    }
    const body = async () => {
      takeLock(0).release()
      const free = await withLockAsync(AT_ONCE, (lend) => lend(inner))
      return free || isFree()
    }
    expect(await withLockAsync(AT_ONCE, (lend) => lend(body))).toBe(false)
  })

  test('a synchronous call from elsewhere fails at once with the reason, even if it would wait for ever', async () => {
    const held = withLockAsync(AT_ONCE, () => sleep(100))
    await sleep(1)
    const refused = () => takeLock(Number.POSITIVE_INFINITY)
    expect(refused).toThrow(LockTimeoutError)
    expect(refused).toThrow(/asynchronous operation of this process/)
    expect(blocked).toEqual([])
    await held
    takeLock(0).release()
  })

  test('whenever the lock is taken, this process knows who holds it', async () => {
    const held = withLockAsync(AT_ONCE, async () => {})
    for (let turn = 0; turn < 20; turn++) {
      // Would wait for ever for our own descriptor.
      if (!isFree()) expect(() => takeLock(Number.POSITIVE_INFINITY)).toThrow(LockTimeoutError)
      await Promise.resolve()
    }
    await held
  })

  test('calls from elsewhere take turns', async () => {
    const body = (name: string) => async () => {
      say(`${name} in`)
      await sleep(5)
      say(`${name} out`)
    }
    await Promise.all(['a', 'b', 'c'].map((name) => withLockAsync(FOR_EVER, body(name))))
    expect(names).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  })

  test('passes the lock on within the process without waiting for a poll', async () => {
    const nextTurn = jest.fn()
    const turn = setImmediate(nextTurn)
    await Promise.all(Array.from({ length: 200 }, () => withLockAsync(FOR_EVER, async () => {})))
    clearImmediate(turn)
    expect(nextTurn).not.toHaveBeenCalled()
  })

  test('a call from elsewhere gives up in time, and those after it still get the lock', async () => {
    const held = withLockAsync(AT_ONCE, () => sleep(100))
    const impatient = withLockAsync({ timeoutMs: 20 }, async () => say('impatient'))
    const patient = withLockAsync(FOR_EVER, async () => say('patient'))
    await expect(impatient).rejects.toThrow(LockTimeoutError)
    await Promise.all([held, patient])
    expect(names).toEqual(['patient'])
  })

  test('waits for another program without blocking, and gets the lock when that is done', async () => {
    const other = await otherHolder()
    const got = withLockAsync({ timeoutMs: 5000 }, async () => say('body'))
    // If the wait blocked, it would end without the lock before this does.
    await sleep(200)
    expect(names).toEqual([])
    await end(other)
    await got
    expect(names).toEqual(['body'])
    expect(blocked).toEqual([])
  })

  test('the call that waits longest for another program comes first', async () => {
    const other = await otherHolder(0.1)
    other.stdin?.write('\n')
    const order = ['a', 'b', 'c', 'd', 'e']
    const waiting: Promise<void>[] = []
    for (const name of order) {
      // With different intervals, so that the order of polls is random.
      await sleep(1)
      waiting.push(withLockAsync(FOR_EVER, async () => say(name)))
    }
    await Promise.all(waiting)
    expect(names).toEqual(order)
    await end(other)
  })

  test('gives up waiting for another program', async () => {
    const other = await otherHolder()
    await expect(withLockAsync({ timeoutMs: 30 }, async () => {})).rejects.toThrow(LockTimeoutError)
    await expect(withLockAsync(AT_ONCE, async () => {})).rejects.toThrow(LockTimeoutError)
    await end(other)
  })

  test('gives up waiting for another program if it is aborted', async () => {
    const other = await otherHolder()
    const stop = new AbortController()
    const waiting = withLockAsync({ ...FOR_EVER, signal: stop.signal }, async () => say('body'))
    await sleep(20)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    expect(names).toEqual([])
    await end(other)
  })

  test('waits for a synchronous holder of this process', async () => {
    const lock = takeLock(0)
    const waiting = withLockAsync(FOR_EVER, async () => say('body'))
    await sleep(20)
    expect(names).toEqual([])
    lock.release()
    await waiting
    expect(names).toEqual(['body'])
  })

  test('work that outlives the lock under which it was started does not join it', async () => {
    let stray: Promise<boolean> | undefined
    const body = async () => {
      stray = (async () => {
        await sleep(10)
        return withLockAsync(AT_ONCE, async () => isFree())
      })()
    }
    await withLockAsync(AT_ONCE, (lend) => lend(body))
    expect(await stray).toBe(false)
  })

  test('nor does it join the next holder', async () => {
    let stray: Promise<void> | undefined
    const late = async () => {
      await sleep(10)
      expect(() => takeLock(0)).toThrow(/asynchronous operation of this process/)
      await withLockAsync(FOR_EVER, async () => say('stray'))
    }
    const body = async () => {
      stray = late()
    }
    await withLockAsync(AT_ONCE, (lend) => lend(body))
    await withLockAsync(AT_ONCE, async () => {
      await sleep(40)
      say('holder')
    })
    await stray
    expect(names).toEqual(['holder', 'stray'])
  })

  test('work that has joined keeps the lock until it is done', async () => {
    let joined: Promise<boolean> | undefined
    const body = async () => {
      await sleep(20)
      return isFree()
    }
    const lender = async () => {
      joined = withLockAsync(AT_ONCE, body)
      // Lets it get its turn.
      await Promise.resolve()
    }
    await withLockAsync(AT_ONCE, (lend) => lend(lender))
    expect(isFree()).toBe(false)
    expect(await joined).toBe(false)
  })

  test('a file that cannot be opened is an error', async () => {
    useFile(join(directory, 'missing', 'lock'))
    await expect(withLockAsync(AT_ONCE, async () => {})).rejects.toThrow(PermissionError)
  })
})

/** The asynchronous calls that wait for the lock, each with an edit. */
const CALLS: readonly (readonly [string, (name: string, options: WaitOptions) => Promise<void>])[] = [
  [
    'transactionAsync',
    async (name, options) => {
      using table = new Table('filter')
      await table.transactionAsync(() => table.createChain(name), options)
    },
  ],
  [
    'commitAsync',
    async (name, options) => {
      using table = new Table('filter', { autocommit: false })
      table.createChain(name)
      await table.commitAsync(options)
    },
  ],
]

describe.each(CALLS)('%s while another program holds the lock', (call, edit) => {
  const exists = (name: string): boolean => {
    using table = new Table('filter')
    return table.isChain(name)
  }

  test('waits without blocking the event loop', async () => {
    const other = await otherHolder()
    const waiting = edit(`${call}-waits`, { lockTimeoutMs: 10_000 * slowness })
    const [start, cpu] = [performance.now(), process.cpuUsage()]
    // If it blocked the event loop, it would end without the lock before this does.
    await sleep(1000)
    const cpuMs = cpuTimeSince(cpu)
    const tookMs = performance.now() - start
    await end(other)
    await waiting
    expect(exists(`${call}-waits`)).toBe(true)
    expect(blocked).toEqual([])
    // Nor is it busy while it waits.
    expect(cpuMs).toBeLessThan(tookMs / 2)
  })

  test('ends with its signal, and writes nothing', async () => {
    const other = await otherHolder()
    const waiting = edit(`${call}-stopped`, {
      signal: AbortSignal.timeout(50),
      lockTimeoutMs: Number.POSITIVE_INFINITY,
    })
    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' })
    await end(other)
    expect(exists(`${call}-stopped`)).toBe(false)
  })

  test('ends with its timeout, and writes nothing', async () => {
    const other = await otherHolder()
    await expect(edit(`${call}-late`, { lockTimeoutMs: 50 })).rejects.toThrow(LockTimeoutError)
    await end(other)
    expect(exists(`${call}-late`)).toBe(false)
  })
})
