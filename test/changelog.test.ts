/** CHANGELOG.md can be parsed by tools for Keep a Changelog, and by the release script. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listsAnything, releasedChangelog, unreleasedIn } from '../scripts/changelog'

const changelog = readFileSync(join(__dirname, '../CHANGELOG.md'), 'utf8')

interface Release {
  readonly version?: string
  readonly date?: string
  /** The number of changes by kind. */
  readonly changes: Readonly<Record<string, number>>
}

/** The parser is an ES module, which jest does not load. */
const PROGRAM = `import { parser } from 'keep-a-changelog'
import { readFileSync } from 'node:fs'
const releases = parser(readFileSync(0, 'utf8')).releases.map(({ version, date, changes }) => ({
  version, date, changes: Object.fromEntries([...changes].map(([kind, { length }]) => [kind, length])),
}))
console.log(JSON.stringify(releases))`

const releasesOf = (text: string): Release[] =>
  JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
      cwd: join(__dirname, '..'),
      input: text,
      stdio: 'pipe',
      encoding: 'utf8',
    }),
  )

const entries = (text: string): number => text.match(/^- /gm)?.length ?? 0

test('the parser finds every change, under Unreleased or a version with its date', () => {
  const releases = releasesOf(changelog)
  const counts = releases.flatMap(({ changes }) => Object.values(changes))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(entries(changelog))
  const [first, ...others] = releases
  expect(first?.version).toBeUndefined()
  for (const { version, date } of others) expect([version, date]).toEqual([expect.any(String), expect.any(String)])
  expect(changelog.match(/^## .*$/gm)?.[0]).toBe('## [Unreleased]')
})

test('after a release, the parser finds the same changes', () => {
  const section = unreleasedIn(changelog)
  const text = releasedChangelog(changelog, '99.0.0', '2030-01-02')
  expect(listsAnything(unreleasedIn(text))).toBe(false)
  const release = releasesOf(text).find(({ version }) => version === '99.0.0')
  expect(release?.date).toMatch(/^2030-01-02/)
  expect(Object.values(release?.changes ?? {}).reduce((sum, count) => sum + count, 0)).toBe(entries(section))
})

test('an unknown kind of change is refused', () => {
  expect(() => releasesOf(changelog.replace('### Added', '### Novelties'))).toThrow()
})
