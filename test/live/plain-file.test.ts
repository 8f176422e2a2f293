/** Files that the library opens in a directory that everyone can write to, with traps set by another user. */
import { spawnSync } from 'node:child_process'
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../src/cli/main'
import { PermissionError } from '../../src/errors'
import { takeLock } from '../../src/kernel/linux/lock'
import { openDescriptors, openedSince, runScript } from './machine'

const STRANGER = 65534
const { XTABLES_LOCKFILE: outerFile } = process.env
let shared: string
let own: string
let victim: string

beforeEach(() => {
  shared = mkdtempSync(join(tmpdir(), 'xtables-shared-'))
  chmodSync(shared, 0o1777)
  own = mkdtempSync(join(tmpdir(), 'xtables-own-'))
  victim = join(own, 'victim')
  writeFileSync(victim, 'precious')
})

afterEach(() => {
  for (const folder of [shared, own]) rmSync(folder, { recursive: true })
})

afterAll(() => {
  if (outerFile === undefined) Reflect.deleteProperty(process.env, 'XTABLES_LOCKFILE')
  else process.env['XTABLES_LOCKFILE'] = outerFile
})

/** Creates another user's symbolic link in the shared directory. */
function plant(name: string, target: string): string {
  const path = join(shared, name)
  symlinkSync(target, path)
  lchownSync(path, STRANGER, STRANGER)
  return path
}

function makeForeign(name: string): string {
  const path = join(shared, name)
  writeFileSync(path, '')
  chownSync(path, STRANGER, STRANGER)
  return path
}

function linkHard(name: string): string {
  linkSync(victim, join(shared, name))
  return join(shared, name)
}

function make(name: string, ...command: readonly string[]): string {
  const path = join(own, name)
  expect(spawnSync(command[0] as string, [...command.slice(1, 2), path, ...command.slice(2)]).status).toBe(0)
  return path
}

/** Only root can change the owner of a file, and create a device. */
const asRoot = readFileSync('/proc/self/uid_map', 'utf8').includes('4294967295') ? test : test.skip

function lock(file: string): void {
  process.env['XTABLES_LOCKFILE'] = file
  takeLock(0).release()
}

/** Runs the command. @returns its status and output */
function command(...words: readonly string[]): { status: number; said: string } {
  let said = ''
  const hear = (text: string): void => {
    said += text
  }
  const status = main('xtables', words, { stdout: hear, stderr: hear, stdin: () => '', lines: () => [] })
  return { status, said }
}

const edit = (state: string) =>
  command('--kernel', 'memory', '--state', state, 'iptables', '-A', 'INPUT', '-j', 'ACCEPT')
const saveTo = (file: string) => command('--kernel', 'memory', 'iptables-save', '-t', 'filter', '-f', file)

const TRAPS: readonly (readonly [string, () => string, RegExp])[] = [
  ["another's link to a file", () => plant('trap', victim), /another user's/],
  ["another's link to nothing", () => plant('trap', join(own, 'made')), /another user's/],
  ["another's link on the way", () => join(plant('folder', own), 'made'), /another user's/],
  ["a link of ours to another's link", () => ourLink(plant('trap', victim)), /another user's/],
  ["another's file", () => makeForeign('file'), /another user's/],
  ['a second name of a file of ours', () => linkHard('hard'), /several names/],
]

function ourLink(target: string): string {
  symlinkSync(target, join(own, 'link'))
  return join(own, 'link')
}

describe.each(TRAPS)('%s', (_, set, reason) => {
  asRoot('is no lock, no state and no output', () => {
    const path = set()
    const before = [...readdirSync(own), ...readdirSync(shared)]
    const descriptors = openDescriptors()
    expect(() => lock(path)).toThrow(PermissionError)
    expect(() => lock(path)).toThrow(reason)
    for (const { status, said } of [edit(path), saveTo(path)]) {
      expect(status).toBe(1)
      expect(said).toMatch(reason)
    }
    expect(openedSince(descriptors)).toEqual([])
    expect([...readdirSync(own), ...readdirSync(shared)]).toEqual(before)
    expect(readFileSync(victim, 'utf8')).toBe('precious')
  })
})

describe.each([
  ['a pipe', () => make('pipe', 'mkfifo'), test],
  ['a device', () => make('device', 'mknod', '-m666', 'c', '1', '3'), asRoot],
  ['a folder', () => make('below', 'mkdir'), test],
])('%s', (_, set, where) => {
  where('is neither lock nor state, and nothing waits for it', () => {
    const path = set()
    expect(() => lock(path)).toThrow(/no regular file/)
    expect(edit(path)).toEqual({ status: 1, said: expect.stringMatching(/no regular file/) })
  })
})

test('in a directory that everyone can write to, our own files work', () => {
  symlinkSync(victim, join(shared, 'link'))
  lock(join(shared, 'link'))
  lock(join(shared, 'new'))
  expect(lstatSync(join(shared, 'new')).mode & 0o777).toBe(0o600)
  expect(saveTo(join(shared, 'saved')).status).toBe(0)
  expect(readFileSync(join(shared, 'saved'), 'utf8')).toMatch(/COMMIT/)
  expect(edit(join(shared, 'state')).status).toBe(0)
  expect(edit(join(shared, 'state')).status).toBe(0)
  expect(readdirSync(shared).sort()).toEqual(['link', 'new', 'saved', 'state'])
})

test('a state file that is a link stays a link, and its target keeps its mode', () => {
  const [file, link] = [join(own, 'state'), join(shared, 'link')]
  writeFileSync(file, '', { mode: 0o640 })
  symlinkSync(file, link)
  expect(edit(link).status).toBe(0)
  expect(lstatSync(link).isSymbolicLink()).toBe(true)
  expect(statSync(file).mode & 0o7777).toBe(0o640)
  expect(readFileSync(file, 'utf8')).toMatch(/filter/)
})

test('the file that a killed writer left is removed by the next, and a link in its place is not followed', () => {
  const temporary = join(shared, '.state.xtables')
  writeFileSync(temporary, 'half')
  expect(edit(join(shared, 'state')).status).toBe(0)
  symlinkSync(victim, temporary)
  expect(edit(join(shared, 'state')).status).toBe(0)
  expect(existsSync(temporary)).toBe(false)
  expect(readFileSync(victim, 'utf8')).toBe('precious')
})

test('a directory in place of the temporary file is an error, and the state file stays', () => {
  const state = join(own, 'state')
  writeFileSync(state, '')
  mkdirSync(join(own, '.state.xtables'))
  expect(edit(state)).toEqual({ status: 1, said: expect.stringMatching(/cannot write/) })
  expect(readFileSync(state, 'utf8')).toBe('')
})

describe('replacing a file between the check and the open', () => {
  afterEach(() => jest.restoreAllMocks())

  /** Another process is faster than us, once. */
  function overtake(path: string, put: () => void): void {
    const { openSync } = fs
    let isDone = false
    jest.spyOn(fs, 'openSync').mockImplementation((...words) => {
      if (words[0] === path && !isDone) {
        isDone = true
        rmSync(path, { force: true })
        put()
      }
      return openSync(...words)
    })
  }

  test.each([
    ['lock', (path: string) => expect(() => lock(path)).toThrow(/ELOOP/)],
    ['state', (path: string) => expect(edit(path)).toEqual({ status: 1, said: expect.stringMatching(/ELOOP/) })],
    ['output', (path: string) => expect(saveTo(path)).toMatchObject({ status: 1 })],
  ])('a link does not redirect %s', (_, use) => {
    const path = join(shared, 'file')
    writeFileSync(path, '')
    overtake(path, () => symlinkSync(victim, path))
    use(path)
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
    expect(readFileSync(victim, 'utf8')).toBe('precious')
  })

  test('a pipe is not waited for', () => {
    const path = join(own, 'file')
    writeFileSync(path, '')
    const script = `
      const fs = require('node:fs')
      const { execFileSync } = require('node:child_process')
      const { openSync } = fs
      fs.openSync = (...words) => {
        if (words[0] === process.env.XTABLES_LOCKFILE) {
          fs.rmSync(words[0])
          execFileSync('mkfifo', [words[0]])
        }
        return openSync(...words)
      }
      const { takeLock } = require('./src/kernel/linux/lock')
      try { takeLock(0) } catch (error) { console.log(error.message) }
    `
    const { stdout } = runScript(script, ['timeout', '20', 'env', `XTABLES_LOCKFILE=${path}`])
    expect(stdout).toMatch(/no regular file/)
  })
})

test('a state file is on disk before it is renamed, and the name afterwards', () => {
  const calls: string[] = []
  const { fsyncSync, renameSync } = fs
  jest.spyOn(fs, 'fsyncSync').mockImplementation((fd) => {
    calls.push(fs.fstatSync(fd).isDirectory() ? 'fsync of the folder' : 'fsync of the file')
    fsyncSync(fd)
  })
  jest.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    calls.push('rename')
    renameSync(from, to)
  })
  expect(edit(join(own, 'state')).status).toBe(0)
  jest.restoreAllMocks()
  expect(calls).toEqual(['fsync of the file', 'rename', 'fsync of the folder'])
})
