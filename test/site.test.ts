/** The documentation site: every page is in the sidebar, and links work on the site and on a code host. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pages, pagesByGroup, ROOT, titleOf } from '../site/navigation'
import { siteLink } from '../site/repository-links'
import { slugify } from '../site/slugify'

test('every page of docs/ is in the navigation once; to-do lists are not', () => {
  const written = readdirSync(join(ROOT, 'docs'), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && !entry.name.startsWith('TODO'))
    .map(({ name }) => `docs/${name}`)
  const shown = pages().filter((page) => /^docs\/[^/]*$/.test(page))
  expect(shown.sort()).toEqual(written.sort())
  expect(pages()).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']))
})

test('a page that no group names is among the topics', () => {
  expect(pagesByGroup()['How-to and topics']).toContain('docs/privileges.md')
  expect(titleOf('docs/backends.md')).toBe('Legacy or nft')
})

const isPage = (path: string): boolean => ['README.md', 'docs/backends.md'].includes(path)

test.each([
  ['README.md', 'docs/backends.md', 'docs/backends.md'],
  ['README.md', 'docs/backends.md#how', 'docs/backends.md#how'],
  ['docs/ui.md', '../README.md#sets', '../index.md#sets'],
  ['docs/ui.md', '../examples/quickstart.ts', undefined],
  ['docs/ui.md', '../bench', undefined],
])('%s: the link to %s', (from, href, expected) => {
  expect(siteLink(from, href, isPage)).toBe(expected)
})

test.each(['gone.md', 'backends', '../../elsewhere.md', 'api/index.md'])('a link to %s is refused', (href) => {
  expect(() => siteLink('docs/ui.md', href, isPage)).toThrow(`docs/ui.md: links to ${href}`)
})

test.each([
  ['Many edits at once', 'many-edits-at-once'],
  ['The module `iptc`', 'the-module-iptc'],
  ['Where we differ from iptables 1.8.9 on purpose', 'where-we-differ-from-iptables-189-on-purpose'],
  ['ECN', 'ecn'],
])('the anchor of %s is the same as on code hosts', (heading, anchor) => {
  expect(slugify(heading)).toBe(anchor)
})
