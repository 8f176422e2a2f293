/**
 * Makes a release: a commit with the new version and its changelog section, and a tag. Once the tag is pushed, the workflow
 * `release.yml` publishes it with provenance. This script itself pushes and publishes nothing.
 *
 *   npm run release -- patch|minor|major|X.Y.Z [--dry-run]
 *
 * It refuses to release from a branch other than main, with uncommitted changes, with an empty changelog section, with an
 * existing version, or if a check fails. --dry-run makes the same checks, but writes nothing.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { listsAnything, releasedChangelog, unreleasedIn } from './changelog'

const USAGE = 'npm run release -- patch|minor|major|X.Y.Z [--dry-run]'
const FILES = ['CHANGELOG.md', 'package.json', 'package-lock.json', 'examples/agent/package.json']
const BRANCH = 'main'

/** The environment of a release. Tests use their own clone, and checks that take no time. */
export interface Surroundings {
  readonly root: string
  /** Runs all checks. Throws if one fails. */
  readonly check: (root: string) => void
  readonly print: (line: string) => void
  /** As in 2026-11-27. */
  readonly today: string
}

/** @throws Error that says why there is no release; then nothing has been changed */
export function release(words: string[], { root, check, print, today }: Surroundings): void {
  const options = { 'dry-run': { type: 'boolean', default: false } } as const
  const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true })
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  const read = (file: string): string => readFileSync(join(root, file), 'utf8')

  const current = JSON.parse(read('package.json')).version as string
  const version = versionOf(positionals, current)
  const tag = `v${version}`
  const branch = git('branch', '--show-current')
  if (branch !== BRANCH) throw new Error(`a release is made of ${BRANCH}, and this is ${branch || 'no branch'}`)
  checkClean(git)
  if (git('tag', '--list', tag) !== '') throw new Error(`there is a tag ${tag} already`)
  const changelog = read('CHANGELOG.md')
  const notes = unreleasedIn(changelog)
  if (!listsAnything(notes)) throw new Error('CHANGELOG.md lists nothing under Unreleased')
  check(root)
  // The checks must not have changed anything: the tag must contain exactly what was checked.
  checkClean(git)

  if (values['dry-run']) {
    print(`would release ${version}:\n\n${notes}`)
    return
  }
  try {
    writeFileSync(join(root, 'CHANGELOG.md'), releasedChangelog(changelog, version, today))
    writeFileSync(
      join(root, 'examples/agent/package.json'),
      withDependency(read('examples/agent/package.json'), version),
    )
    const bump = ['version', version, '--no-git-tag-version', '--allow-same-version', '--ignore-scripts']
    execFileSync('npm', bump, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    git('add', '--', ...FILES)
    git('commit', '--message', `Release ${version}`)
  } catch (error) {
    git('checkout', 'HEAD', '--', ...FILES)
    throw error
  }
  git('tag', '--annotate', tag, '--cleanup', 'verbatim', '--message', `xtables ${version}\n\n${notes}`)
  print(`${tag} is tagged. Look at it (git show ${tag}), then: git push --atomic <remote> ${BRANCH} ${tag}`)
  print('The workflow release.yml checks it once more, and publishes it with provenance.')
}

/** @throws Error for an invalid version, or one earlier than the current one */
function versionOf(words: readonly string[], current: string): string {
  const [word = '', ...others] = words
  const [major = 0, minor = 0, patch = 0] = current.split('.').map(Number)
  const bumped: Readonly<Record<string, readonly number[]>> = {
    major: [major + 1, 0, 0],
    minor: [major, minor + 1, 0],
    patch: [major, minor, patch + 1],
  }
  const version = bumped[word]?.join('.') ?? word
  if (others.length > 0 || !/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/.test(version)) throw new Error(`usage: ${USAGE}`)
  const isEarlier = version.localeCompare(current, 'en', { numeric: true }) < 0
  // The current version is accepted for the first release. If it was released before, its tag exists, which is an error.
  if (isEarlier) throw new Error(`${version} is earlier than ${current}`)
  return version
}

function checkClean(git: (...args: string[]) => string): void {
  const changed = git('status', '--porcelain')
  if (changed !== '') throw new Error(`the tree is not clean:\n${changed}`)
}

/** The example depends on the version that it ships with. */
const withDependency = (text: string, version: string): string =>
  text.replace(/("xtables": ")[^"]*(")/, `$1^${version}$2`)

/** Runs all checks that must succeed before a release. */
function runChecks(root: string): void {
  const run = (...args: string[]): void =>
    void execFileSync('npm', args, { cwd: root, stdio: 'inherit', env: { ...process.env, XTABLES_LIVE: '1' } })
  run('run', 'lint')
  run('test')
  run('run', 'check:package')
}

if (require.main === module)
  try {
    const today = new Date().toISOString().slice(0, 10)
    release(process.argv.slice(2), { root: join(__dirname, '..'), check: runChecks, print: console.log, today })
  } catch (error) {
    console.error(`no release: ${(error as Error).message}`)
    process.exitCode = 1
  }
