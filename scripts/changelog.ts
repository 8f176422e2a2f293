/** Reads the unreleased section of CHANGELOG.md (Keep a Changelog format), and turns it into a release. */

const UNRELEASED = '## [Unreleased]\n'

/** The text of the unreleased section. */
export function unreleasedIn(changelog: string): string {
  const [, below] = changelog.split(UNRELEASED)
  if (below === undefined) throw new Error(`CHANGELOG.md has no line ${UNRELEASED.trim()}`)
  return (below.split(/^## /m)[0] as string).trim()
}

/** Whether a section contains entries, not just headings. */
export const listsAnything = (section: string): boolean => /^- \S/m.test(section)

/** The changelog with the unreleased section as that of this version, below a new, empty one. */
export const releasedChangelog = (changelog: string, version: string, date: string): string =>
  changelog.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${date}\n`)
