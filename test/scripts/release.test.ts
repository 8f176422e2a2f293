/** Releases of a test repository: what is refused, and what a release does. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { release } from '../../scripts/release'

const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- A thing.

## [0.1.0] - 2026-01-02

### Added

- The first thing.
`

let root: string
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const write = (file: string, text: string): void => writeFileSync(join(root, file), text)

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xtables-release-'))
  git('init', '--quiet', '--initial-branch', 'main')
  git('config', 'user.name', 'someone')
  git('config', 'user.email', 'someone@example.com')
  git('config', 'commit.gpgsign', 'false')
  write('package.json', '{\n  "name": "xtables",\n  "version": "0.1.0"\n}\n')
  const lock = { name: 'xtables', version: '0.1.0', lockfileVersion: 3, packages: { '': { version: '0.1.0' } } }
  write('package-lock.json', JSON.stringify(lock, undefined, 2))
  mkdirSync(join(root, 'examples/agent'), { recursive: true })
  write('examples/agent/package.json', '{ "dependencies": { "xtables": "^0.1.0" } }\n')
  write('CHANGELOG.md', CHANGELOG)
  commit('First')
})
afterEach(() => rmSync(root, { recursive: true }))

function commit(message: string): void {
  git('add', '--all')
  git('commit', '--quiet', '--message', message)
}

/** @returns the output */
function released(words: string[], check: () => void = () => {}): string[] {
  const lines: string[] = []
  release(words, { root, check, print: (line) => lines.push(line), today: '2026-03-04' })
  return lines
}

/** Everything that a release may change. */
const state = (): string[] => [
  git('log', '--format=%H %D'),
  git('tag'),
  git('status', '--porcelain'),
  read('CHANGELOG.md'),
]

test.each([
  ['patch', '0.1.1'],
  ['minor', '0.2.0'],
  ['major', '1.0.0'],
  ['0.10.0', '0.10.0'],
])('%s is a commit and a tag of version %s', (word, version) => {
  const lines = released([word])
  expect(git('log', '--format=%s', '-1')).toBe(`Release ${version}`)
  expect(git('show', '--name-only', '--format=').split('\n').sort()).toEqual([
    'CHANGELOG.md',
    'examples/agent/package.json',
    'package-lock.json',
    'package.json',
  ])
  expect(git('status', '--porcelain')).toBe('')
  expect(git('rev-parse', `v${version}^{commit}`)).toBe(git('rev-parse', 'HEAD'))
  expect(git('tag', '--list', '--format=%(contents)', `v${version}`).trim()).toBe(
    `xtables ${version}\n\n### Added\n\n- A thing.`,
  )
  expect(JSON.parse(read('package.json')).version).toBe(version)
  const lock = JSON.parse(read('package-lock.json'))
  expect([lock.version, lock.packages[''].version]).toEqual([version, version])
  expect(JSON.parse(read('examples/agent/package.json'))).toEqual({ dependencies: { xtables: `^${version}` } })
  expect(read('CHANGELOG.md')).toBe(
    CHANGELOG.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - 2026-03-04\n`),
  )
  expect(lines.join('\n')).toContain(`git push --atomic <remote> main v${version}`)
})

test('the current version can be the first release, but only once', () => {
  released(['0.1.0'])
  expect(git('tag')).toBe('v0.1.0')
  write('CHANGELOG.md', CHANGELOG)
  commit('More')
  expect(() => released(['0.1.0'])).toThrow('there is a tag v0.1.0 already')
})

test('a dry run checks everything, prints what would be released, and writes nothing', () => {
  const before = state()
  const check = jest.fn()
  expect(released(['minor', '--dry-run'], check)).toEqual(['would release 0.2.0:\n\n### Added\n\n- A thing.'])
  expect(check).toHaveBeenCalledTimes(1)
  expect(state()).toEqual(before)
  expect(() =>
    released(['minor', '--dry-run'], () => {
      throw new Error('red')
    }),
  ).toThrow('red')
})

const REFUSED: readonly [what: string, prepare: () => void, complaint: string, words?: string[]][] = [
  [
    'another branch',
    () => git('switch', '--quiet', '--create', 'other'),
    'a release is made of main, and this is other',
  ],
  ['no branch', () => git('checkout', '--quiet', '--detach'), 'and this is no branch'],
  ['a change that is not committed', () => appendFileSync(join(root, 'package.json'), '\n'), 'the tree is not clean'],
  ['a file that git does not know', () => write('stray', ''), 'the tree is not clean:\n?? stray'],
  ['a tag that is there', () => git('tag', 'v0.2.0'), 'there is a tag v0.2.0 already'],
  [
    'nothing unreleased',
    () => {
      write('CHANGELOG.md', CHANGELOG.replace('- A thing.\n\n', ''))
      commit('Headings alone')
    },
    'CHANGELOG.md lists nothing under Unreleased',
  ],
  [
    'no such section',
    () => {
      write('CHANGELOG.md', CHANGELOG.replace('[Unreleased]', 'Unreleased'))
      commit('Another form')
    },
    'CHANGELOG.md has no line ## [Unreleased]',
  ],
  ['an earlier version', () => {}, '0.0.9 is earlier than 0.1.0', ['0.0.9']],
  ['no version', () => {}, 'usage: npm run release', []],
  ['two versions', () => {}, 'usage: npm run release', ['patch', 'minor']],
  ['what is no version', () => {}, 'usage: npm run release', ['0.2']],
  ['a word that is not understood', () => {}, "Unknown option '--force'", ['minor', '--force']],
]

test.each(REFUSED)('%s is refused before the checks', (_, prepare, complaint, words = ['minor']) => {
  prepare()
  const before = state()
  const check = jest.fn()
  expect(() => released(words, check)).toThrow(complaint)
  expect(check).not.toHaveBeenCalled()
  expect(state()).toEqual(before)
})

test('a failing check is refused, and so is one that leaves changes', () => {
  const before = state()
  const red = (): never => {
    throw new Error('a test is red')
  }
  expect(() => released(['minor'], red)).toThrow('a test is red')
  expect(state()).toEqual(before)
  expect(() => released(['minor'], () => write('left', ''))).toThrow('the tree is not clean:\n?? left')
  expect(git('tag')).toBe('')
})

test('a failing commit leaves everything unchanged', () => {
  const hook = '.git/hooks/pre-commit'
  mkdirSync(join(root, '.git/hooks'), { recursive: true })
  writeFileSync(join(root, hook), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const before = state()
  expect(() => released(['minor'])).toThrow()
  expect(state()).toEqual(before)
})
