/**
 * The examples in the comments of the sources, which the API reference shows: each one compiles, runs, and prints what
 * it says. They use the in-process kernel. Examples that access the kernel of the machine get an error.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { complaintsOf, printedBy } from './support/programs'

const mockNotHere = 'the kernel of this machine was asked for'

/** No example may change the rules of this machine. */
jest.mock('../src/kernel/linux/linux-kernel', () => ({
  LinuxKernel: class {
    constructor() {
      throw new Error(mockNotHere)
    }
  },
}))
jest.mock('../src/kernel/linux/namespace', () => {
  const refuse = () => {
    throw new Error(mockNotHere)
  }
  const NetworkNamespace = class {}
  return {
    ...jest.requireActual('../src/kernel/linux/namespace'),
    NetworkNamespace: Object.assign(NetworkNamespace, { create: refuse, open: refuse }),
  }
})
jest.mock('../src/kernel/linux/netlink', () => ({
  openNetlink() {
    throw new Error(mockNotHere)
  },
}))

const SOURCES = join(__dirname, '../src')
const COMMENT = /^ *\/\*\*\n(?: *\*(?: .*)?\n)*? *\*\//gm
const EXAMPLE = /@example\n```ts\n(.*?)\n```/gs

/** The name that follows the comment. */
const nameBehind = (text: string): string => /^\s*([^({=\n]*)/.exec(text)?.[1]?.trim() ?? ''

const examples = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    const text = readFileSync(join(SOURCES, file), 'utf8')
    return Array.from(text.matchAll(COMMENT), (found) => {
      const [comment] = found
      const lines = comment.replaceAll(/^ *\* ?/gm, '')
      const name = nameBehind(text.slice(found.index + comment.length))
      return Array.from(lines.matchAll(EXAMPLE), ([, program = '']) => ({ file, name, program }))
    }).flat()
  })

/** The output that the comments of a program claim. */
const promised = (program: string): string[] =>
  Array.from(program.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm), ([, text = '']) => text)

/** Examples that need Linux, and their own network namespace. */
const ON_LINUX = ['LinuxKernel', 'NetworkNamespace', 'KernelError', 'NetlinkError', 'PermissionError']
const isOnLinux = (name: string): boolean => ON_LINUX.includes(/\bclass (\w+)/.exec(name)?.[1] ?? '')

test.each(examples.filter(({ name }) => !isOnLinux(name)))('$file: $name', async ({ program }) => {
  const wanted = promised(program)
  const printed = await printedBy(program)
  expect(printed.filter((line) => wanted.includes(line))).toEqual(wanted)
  // An example that prints nothing could not fail.
  expect(wanted.length > 0 || !program.includes('console.log(')).toBe(true)
})

test('exactly the named examples need Linux', () => {
  expect(examples.filter(({ name }) => isOnLinux(name))).toHaveLength(ON_LINUX.length)
})

test('all examples are found', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const tags = files.flatMap((file) => readFileSync(join(SOURCES, file), 'utf8').match(/@example\b/g) ?? [])
  expect(examples.length).toBeGreaterThan(80)
  expect(examples).toHaveLength(tags.length)
})

test('every example compiles', () => {
  expect(complaintsOf(examples.map(({ program }) => program))).toEqual([])
}, 300_000)
