/** What the README shows: every block of TypeScript compiles and runs, and does what the Python beside it does. */
import { spawnSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from '@swc/core'
import * as ts from 'typescript'
import * as xtables from '../../src/index'
import { everything, newNamespace, run } from './legacy'

const ROOT = join(__dirname, '..', '..')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const [head, pairs] = readme.split('<table>') as [string, string]

const IMPORT = /^import \{([^}]*)\} from 'xtables'$/m
const blocksOf = (text: string, language: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')), ([, block]) => block as string)

const blocks = blocksOf(head, 'ts')
const [python, besides] = [blocksOf(pairs, 'python'), blocksOf(pairs, 'ts')]
const titles = Array.from(pairs.matchAll(/<th colspan="2">\s*(.*?)\s*<\/th>/g), ([, title]) => title as string)

const preamble = `import { ${Object.keys(xtables).join(', ')} } from 'xtables'\n`

const subscribed: Parameters<typeof unsubscribe>[] = []
/** Channels outlive this file: other tests would be heard on them. */
const channels = {
  subscribe(...args: Parameters<typeof subscribe>) {
    subscribed.push(args)
    subscribe(...args)
  },
}
afterEach(() => {
  for (const args of subscribed.splice(0)) unsubscribe(...args)
})

const LOADED: Readonly<Record<string, unknown>> = { xtables, 'node:diagnostics_channel': channels }
const load = (name: string): unknown => LOADED[name] ?? require(name)

const WAITS = /^(for )?await /m

/** Runs a block with nothing in reach but what it imports. */
function runBlock(block: string): unknown {
  const isAsync = WAITS.test(block)
  const { code } = transformSync(block, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  })
  return new Function('require', 'exports', isAsync ? `return (async () => {${code}})()` : code)(load, {})
}

const log = jest.spyOn(console, 'log').mockImplementation()
beforeEach(() => log.mockClear())
afterAll(() => log.mockRestore())

test('is taken apart rightly', () => {
  expect(readme.match(/^```(?:ts|python)$/gm)).toHaveLength(blocks.length + python.length + besides.length)
  expect([python.length, besides.length]).toEqual([titles.length, titles.length])
  expect([blocks.length, titles.length].every((count) => count >= 10)).toBe(true)
})

test.each(blocks.map((block) => [IMPORT.exec(block)?.[1]?.trim(), block]))('a block with %s runs', async (_, block) => {
  expect(block).toMatch(IMPORT)
  const namespace = newNamespace()
  if (!WAITS.test(block as string)) {
    namespace.run(() => runBlock(block as string))
    return
  }
  // What waits cannot be inside a namespace meanwhile: it gets the one that all tests here have to themselves.
  await runBlock(block as string)
})

/** Comments of the blocks, each with what the block has to print. */
test.each([
  ['console.log(tcp.dport) // 443', '443'],
  ['// -A INPUT -s 192.168.1.0/24', '-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT'],
  ['// table filter chain OUTPUT rule 1', 'table filter chain OUTPUT rule 1: match tcp: needs -p tcp'],
  ['// true false', 'true false'],
  ['// INPUT 1 limit limit-burst', 'INPUT 1 limit limit-burst'],
  ['console.log(rule.equals(Rule.parse(String(rule)))) // true', 'true'],
  ["console.log(table.isChain('web')) // false", 'false'],
])('prints what %j says', (comment, printed) => {
  const block = blocks.find((one) => one.includes(comment)) ?? ''
  expect(block).toContain(`// ${printed}`)
  newNamespace().run(() => runBlock(block))
  expect(log.mock.calls.map((words) => words.map(String).join(' '))).toContain(printed)
})

const PYTHON = '/usr/bin/python3'
const hasPython = spawnSync(PYTHON, ['-c', 'import iptc']).status === 0
// Nothing else needs python-iptables, so that its absence is no failure, unless everything is to run.
const compare = hasPython || process.env['XTABLES_LIVE'] === '1' ? test : test.skip

describe('side by side', () => {
  compare.each(titles.map((title, i) => [title, python[i] as string, besides[i] as string]))(
    '%s',
    (title, left, right) => {
      const [theirs, ours] = [newNamespace(), newNamespace()]
      const before = everything(theirs)
      if (title.includes('ipset')) for (const one of [theirs, ours]) run(one, 'ipset create blacklist hash:ip')
      const { status, stderr } = theirs.run(() =>
        spawnSync(PYTHON, ['-c', `import iptc\n${left}`], { encoding: 'utf8' }),
      )
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      ours.run(() => runBlock(preamble + right))
      expect(everything(ours)).toBe(everything(theirs))
      if (title !== 'Iterating') expect(everything(ours)).not.toBe(before)
    },
  )
})

test('every block compiles', () => {
  const files = new Map<string, string>()
  for (const [i, block] of blocks.entries()) files.set(join(ROOT, `readme-${i}.mts`), block)
  for (const [i, block] of besides.entries()) files.set(join(ROOT, `readme-beside-${i}.mts`), preamble + block)
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  const compilerOptions: ts.CompilerOptions = {
    ...options,
    noUnusedLocals: false,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    paths: { xtables: [join(ROOT, 'src/index.ts')] },
  }
  const host = ts.createCompilerHost(compilerOptions)
  const { readFile, fileExists } = host
  host.readFile = (name) => files.get(name) ?? readFile.call(host, name)
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name)
  const program = ts.createProgram([...files.keys()], compilerOptions, host)
  const complaints = [...files.keys()]
    .flatMap((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(name)))
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
  expect(complaints).toEqual([])
}, 60_000)
