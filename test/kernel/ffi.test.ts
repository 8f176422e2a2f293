import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(__dirname, '..', '..')

/** Loads the sources in a process of its own where `prepare` has changed what the machine looks like. */
function run(prepare: string) {
  const script = `
    ${prepare}
    const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
    const kernel = new LinuxKernel()
    try { kernel.connect('ipv4').close() } catch (error) { console.log(error.name, error.message) }
  `
  const env = { ...process.env, TS_NODE_COMPILER_OPTIONS: '{"rootDir":"/"}' }
  const args = ['-r', 'ts-node/register/transpile-only', '-e', script]
  return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', env })
}

const refuse = (name: string) => `
  const load = require('node:module')._load
  require('node:module')._load = (id, ...rest) => {
    if (id === '${name}') throw new Error('no such binary')
    return load(id, ...rest)
  }
`
const LINUX = `Object.defineProperties(process, { platform: { value: 'linux' }, arch: { value: 'x64' } })`

test.each([
  [`Object.defineProperty(process, 'platform', { value: 'darwin' })`, /^UnsupportedError .*darwin.*in-process/],
  [`${LINUX}; Object.defineProperty(process, 'arch', { value: 'ia32' })`, /^UnsupportedError .*ia32/],
  [`${LINUX}; require('node:os').endianness = () => 'BE'`, /^UnsupportedError .*BE/],
  [`${LINUX}; ${refuse('ffi-rs')}`, /^UnsupportedError ffi-rs cannot be loaded/],
  [`${LINUX}; require('ffi-rs/package.json').version = '1.3.1'`, /^UnsupportedError ffi-rs 1.3.1 is too old/],
])('the package loads anywhere, the kernel is refused (%s)', (prepare, message) => {
  const { stdout, stderr } = run(prepare)
  expect(stderr).toBe('')
  expect(stdout).toMatch(message)
})
