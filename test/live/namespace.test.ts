import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { IptcError, NotFoundError } from '../../src/errors'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { forgotten, openDescriptors, openedSince, ownNamespace, runScript } from './machine'

const home = ownNamespace()
const nameOf = (namespace: NetworkNamespace): string => `net:[${namespace.inode}]`
let namespace: NetworkNamespace

beforeEach(() => {
  namespace = NetworkNamespace.create()
})

afterEach(() => {
  namespace.close()
  expect(ownNamespace()).toBe(home)
})

test('a new namespace is different, its loopback is down, and we stay in ours', () => {
  expect(ownNamespace()).toBe(home)
  expect(nameOf(namespace)).not.toBe(home)
  const links = namespace.run(() => readFileSync('/proc/thread-self/net/dev', 'utf8'))
  expect(links).toMatch(/\blo:/)
  expect(links.trim().split('\n')).toHaveLength(3)
})

test('run is inside, and returns the result', () => {
  expect(namespace.run(ownNamespace)).toBe(nameOf(namespace))
  expect(ownNamespace()).toBe(home)
})

test('run leaves the namespace if its body throws', () => {
  const fail = () => {
    throw new RangeError(ownNamespace())
  }
  expect(() => namespace.run(fail)).toThrow(new RangeError(nameOf(namespace)))
  expect(ownNamespace()).toBe(home)
})

test('runs nest', () => {
  const other = NetworkNamespace.create()
  const seen = namespace.run(() => [ownNamespace(), other.run(ownNamespace), ownNamespace()])
  expect(seen).toEqual([nameOf(namespace), nameOf(other), nameOf(namespace)])
  other.close()
})

test('a promise is refused', () => {
  expect(() => namespace.run(async () => 1)).toThrow(/synchronous/)
})

test('processes that are started inside stay inside', () => {
  const inside = namespace.run(() => execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }))
  expect(inside.trim()).toBe(nameOf(namespace))
})

test('other programs can enter it by its path', () => {
  const enter = ['--net', 'readlink', '/proc/self/ns/net']
  const args = [`--net=${namespace.path}`, ...enter.slice(1)]
  expect(execFileSync('nsenter', args, { encoding: 'utf8' }).trim()).toBe(nameOf(namespace))
})

test('opens an absolute path, which may be removed later', () => {
  const again = NetworkNamespace.open(namespace.path)
  expect(again.inode).toBe(namespace.inode)
  namespace.close()
  expect(again.run(ownNamespace)).toBe(nameOf(again))
  again.close()
})

test('opens a process id', async () => {
  const child = namespace.run(() => spawn('sleep', ['60'], { stdio: 'ignore' }))
  const again = NetworkNamespace.open(child.pid as number)
  expect(again.inode).toBe(namespace.inode)
  again.close()
  child.kill()
  await once(child, 'exit')
})

test('opens a name', () => {
  const prepare =
    'mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/blue && mount --bind "$0" /run/netns/blue && exec "$@"'
  const script = `
    const { NetworkNamespace } = require('./src/kernel/linux/namespace')
    console.log(NetworkNamespace.open('blue').inode)
  `
  const { stdout, stderr } = runScript(script, ['unshare', '-m', 'sh', '-c', prepare, namespace.path])
  expect({ stdout, stderr }).toEqual({ stdout: `${namespace.inode}\n`, stderr: '' })
})

test.each([
  ['no-such-name'],
  ['/no/such/path'],
  ['/dev/null/below-a-file'],
  ['up/../down'],
  [''],
  ['.'],
  ['..'],
  ['nul\0inside'],
  [0],
  [-1],
  [1.5],
  [Number.NaN],
  [2 ** 30],
])('there is no namespace %j', (ref) => {
  const before = openDescriptors()
  expect(() => NetworkNamespace.open(ref)).toThrow(NotFoundError)
  expect(openedSince(before)).toEqual([])
})

test.each(['/dev/null', '/proc/self/ns/mnt'])('%s is not a network namespace', (path) => {
  const wrong = NetworkNamespace.open(path)
  expect(() => wrong.run(() => undefined)).toThrow(NotFoundError)
  wrong.close()
})

test('a closed handle refuses calls, and can be closed again', () => {
  namespace.close()
  namespace.close()
  expect(() => namespace.run(() => 1)).toThrow(IptcError)
  expect(() => namespace.path).toThrow(/closed/)
})

test('disposing closes', () => {
  namespace[Symbol.dispose]()
  expect(() => namespace.path).toThrow(/closed/)
})

test('no descriptor is leaked', () => {
  const before = openDescriptors()
  for (let i = 0; i < 200; i++) {
    const temporary = NetworkNamespace.create()
    temporary.run(() => undefined)
    temporary.close()
  }
  expect(openedSince(before)).toEqual([])
})

test('a handle is closed when it is garbage collected', () => {
  const prepare = `
    const { NetworkNamespace } = require('./src/kernel/linux/namespace')
    const namespace = NetworkNamespace.create()
  `
  expect(forgotten(prepare, 'NetworkNamespace.open(namespace.path)')).toEqual({ opened: 20, left: 0 })
})

test('threads that are created inside do not stay there', () => {
  const script = `
    const fs = require('node:fs')
    const { NetworkNamespace } = require('./src/kernel/linux/namespace')
    const namespace = NetworkNamespace.create()
    const threads = () => fs.readdirSync('/proc/self/task')
    const before = threads().length
    namespace.run(() => fs.access('/', () => {
      const homes = new Set(threads().map((id) => fs.readlinkSync('/proc/self/task/' + id + '/ns/net')))
      console.log(JSON.stringify([...homes]))
    }))
  `
  const { stdout, stderr } = runScript(script)
  expect({ stdout, stderr }).toEqual({ stdout: `${JSON.stringify([home])}\n`, stderr: '' })
})

test('if it could not return, it does not enter', () => {
  const script = `
    const { NetworkNamespace } = require('./src/kernel/linux/namespace')
    try { NetworkNamespace.create() } catch (error) { console.log(error.name, error.message) }
  `
  const { stdout, signal } = runScript(script, ['unshare', '-r'])
  expect(signal).toBeNull()
  expect(stdout).toMatch(/^PermissionError .*CAP_SYS_ADMIN/)
})

test('if it cannot return after all, the process aborts', () => {
  const script = `
    const { NetworkNamespace } = require('./src/kernel/linux/namespace')
    const namespace = NetworkNamespace.create()
    process.on('exit', () => console.log('still alive'))
    try { namespace.run(dropCapabilities) } finally { console.log('still alive') }
  `
  const { stdout, stderr, signal } = runScript(script)
  expect({ stdout, signal }).toEqual({ stdout: '', signal: 'SIGABRT' })
  expect(stderr).toMatch(/cannot return to the own network namespace.*EPERM/)
})

test('without the privilege, entering is refused and nothing else happens', () => {
  const script = `
    const { NetworkNamespace } = require('./src/kernel/linux/namespace')
    const namespace = NetworkNamespace.create()
    dropCapabilities()
    try { namespace.run(() => console.log('inside')) } catch (error) { console.log(error.name, error.message) }
  `
  expect(runScript(script).stdout).toMatch(/^PermissionError .*unshare -rn/)
})
