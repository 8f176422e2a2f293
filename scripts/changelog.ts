/**
 * Reads and writes CHANGELOG.md in the Keep a Changelog format: the unreleased section, and how it becomes a
 * release.
 */

const UNRELEASED = '## [Unreleased]\n'

/** What stands between the heading and the next one. */
export function unreleasedIn(changelog: string): string {
  const [, below] = changelog.split(UNRELEASED)
  if (below === undefined) throw new Error(`CHANGELOG.md has no line ${UNRELEASED.trim()}`)
  return (below.split(/^## /m)[0] as string).trim()
}

/** Whether it lists anything: headings alone are nothing. */
export const listsAnything = (section: string): boolean => /^- \S/m.test(section)

/** The changelog with what was not released as the release of that version, and room for what comes next. */
export const releasedChangelog = (changelog: string, version: string, date: string): string =>
  changelog.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${date}\n`)
