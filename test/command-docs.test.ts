/** The man page and docs/command.md are up to date and complete. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandPage } from '../scripts/command-page'
import { manPage } from '../scripts/man-page'
import { VARIABLES } from '../src/cli/applets/environment'
import { OWN } from '../src/cli/applets/own-applets'
import { withProgram } from './support/shells'

const ROOT = join(__dirname, '..')
const page = join(ROOT, 'man/xtables.8')

test('docs/command.md is current: `npm run docs` makes it', () => {
  expect(readFileSync(join(ROOT, 'docs/command.md'), 'utf8')).toBe(commandPage())
})

test('man/xtables.8 is current: `npm run docs` makes it', () => {
  expect(readFileSync(page, 'utf8')).toBe(manPage())
})

test('package.json has the man page', () => {
  const { man, files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(man).toBe('./man/xtables.8')
  expect(files).toEqual(expect.arrayContaining(['man', 'docs/command.md']))
})

test('both list every applet, its options, and every variable', () => {
  const roff = manPage().replaceAll('\\-', '-')
  for (const text of [roff, commandPage()]) {
    for (const { name, options, isHidden } of OWN.values())
      if (!isHidden)
        for (const word of [name, ...Object.keys(options).map((one) => `--${one}`)]) expect(text).toContain(word)
    for (const [name] of VARIABLES) expect(text).toContain(name)
  }
})

test('exactly the variables of ours that the sources use are documented', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('applets/environment.ts'))
    .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'))
    .join('\n')
  const used = new Set(sources.match(/\bXTABLES_[A-Z]+\b/g))
  const told = VARIABLES.map(([name]) => name).filter((name) => name.startsWith('XTABLES_'))
  expect([...used].sort()).toEqual([...told].sort())
})

withProgram('man')('man', () => {
  test('renders the page without a warning', () => {
    const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-l', page], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8', MAN_KEEP_FORMATTING: '' },
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const sections = [
      'NAME',
      'SYNOPSIS',
      'COMMANDS',
      'OPTIONS',
      'EXIT STATUS',
      'ENVIRONMENT',
      'FILES',
      'EXAMPLES',
      'SEE ALSO',
    ]
    for (const section of sections) expect(stdout).toMatch(new RegExp(`^${section}$`, 'm'))
  })
})

withProgram('mandoc')('mandoc', () => {
  test('finds nothing wrong except the missing date, which would have to be kept up to date', () => {
    const { stdout } = spawnSync('mandoc', ['-Tlint', page], { encoding: 'utf8' })
    expect(stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'))).toEqual([])
  })
})
