/** docs/writing-extensions.md is current, its example is the match `mark`, and each building block is in its tables. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionLanguagePage } from '../../scripts/building-blocks'
import { IptcError, Rule } from '../../src/index'
import { parseCaseFile } from '../support/case-file'
import { ruleLine } from '../support/cases'

const ROOT = join(__dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/writing-extensions.md'), 'utf8')

test('the page is current: `npm run docs` makes it', () => {
  expect(page === extensionLanguagePage()).toBe(true)
})

const block = (language: string): string => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(page)?.[1] ?? ''

test('the example is the match mark', () => {
  expect(block('ts')).toBe(readFileSync(join(ROOT, 'src/extensions/matches/mark.ts'), 'utf8'))
})

test('the rule lines are a file of such, with lines that are taken and refused as it says', () => {
  const { groups } = parseCaseFile(block('json'), 'mark')
  expect(groups).toHaveLength(1)
  for (const { accepted, refused } of groups) {
    for (const line of accepted) expect(() => Rule.parse(ruleLine(line).rule)).not.toThrow()
    for (const line of refused) expect(() => Rule.parse(ruleLine(line).rule)).toThrow(IptcError)
  }
})

test('every function that a module imports from the language is on the page', () => {
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
