import { runScript } from './run-script'

/** Connects to the kernel of Linux in a separate process, in which `prepare` has changed how the machine appears. */
export function connectWhere(prepare: string): { stdout: string; stderr: string } {
  return runScript(`
    ${prepare}
    const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
    const kernel = new LinuxKernel()
    try { kernel.connect('ipv4').close() } catch (error) { console.log(JSON.stringify({ ...error, message: error.message })) }
  `)
}

export const LINUX = `Object.defineProperties(process, { platform: { value: 'linux' }, arch: { value: 'x64' } })`

/** Makes a package fail to load. */
export const without = (name: string): string => `
  const load = require('node:module')._load
  require('node:module')._load = (id, ...rest) => {
    if (id === '${name}') throw new Error('no such binary')
    return load(id, ...rest)
  }
`
