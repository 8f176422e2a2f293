/**
 * docs/writing-extensions.md is up to date, its example is the match `mark`, and its tables have all building blocks.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extensionLanguagePage } from '../../scripts/building-blocks'
import { IPV4 } from '../../src/abi/family'
import { NO_SETS } from '../../src/extensions/context'
import type { Extension } from '../../src/extensions/extension'
import { mark } from '../../src/extensions/matches/mark'

const ROOT = join(__dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/writing-extensions.md'), 'utf8')

test('the page is up to date: `npm run docs` writes it', () => {
  expect(page === extensionLanguagePage()).toBe(true)
})

/** Loads the module on the page as if it was among the others. */
function onPage(): Extension {
  const [, source = ''] = /```ts\n(.*?)```/s.exec(page) ?? []
  const directory = mkdtempSync(join(tmpdir(), 'extension-'))
  try {
    const path = join(directory, 'mark.ts')
    const beside = join(ROOT, 'src/extensions/matches')
    writeFileSync(
      path,
      source.replace(/from '(\.[^']*)'/g, (_, module: string) => `from '${join(beside, module)}'`),
    )
    execFileSync(process.execPath, [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--strict', '--target', 'es2023', '--module', 'commonjs', '--moduleResolution', 'bundler'],
      ...['--types', 'node', '--ignoreConfig', path],
    ])
    return (require(path) as { mark: Extension }).mark
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the example encodes and decodes like the match mark', () => {
  const [example, real] = [onPage(), mark].map((extension) => extension.variants('ipv4')[0])
  expect(example?.size).toBe(real?.size)
  const context = { family: IPV4, sets: NO_SETS }
  for (const [negated, word] of [
    [false, '0x1'],
    [true, '0x1/0xff'],
  ] as const) {
    const payloads = [example, real].map((variant) => {
      const bytes = variant?.initial.slice() as Uint8Array
      variant?.options.get('mark')?.write(bytes, 0, { negated, words: [word] }, context)
      return bytes
    })
    expect(payloads[0]).toEqual(payloads[1])
    expect(example?.options.get('mark')?.read(payloads[1] as Uint8Array, 0, context)).toEqual({
      negated,
      words: [word],
    })
  }
})

test('every function that modules import from the language is on the page', () => {
  const missing = ['matches', 'targets'].flatMap((folder) =>
    readdirSync(join(ROOT, 'src/extensions', folder)).flatMap((name) => {
      const source = readFileSync(join(ROOT, 'src/extensions', folder, name), 'utf8')
      const imports = source.matchAll(
        /^import \{([^}]*)\} from '\.\.\/(?!matches|targets)(?:\.\.\/binary\/)?[\w-]+(?:\/[\w-]+)?'/gm,
      )
      return Array.from(imports)
        .flatMap(([, names = '']) => names.split(','))
        .map((one) => one.trim().replace(/ as \w+$/, ''))
        .filter((one) => one !== '' && !one.startsWith('type '))
        .filter((one) => !page.includes(`| \`${one}\` |`) && !page.includes(`| \`${one}(`))
        .map((one) => `${folder}/${name} ${one}`)
    }),
  )
  expect(missing).toEqual([])
})
