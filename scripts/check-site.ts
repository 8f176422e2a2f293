/**
 * Checks the built site: each link must lead to an existing page and anchor, and pages must not load anything from other
 * hosts. External links are not followed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { pages, ROOT } from '../site/navigation'

const SITE = join(ROOT, '.site')
const OTHER_HOST = /^(?:[a-z]+:)?\/\//

const htmlFiles = (): string[] =>
  readdirSync(SITE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'))

/** The values of an attribute in a page, with HTML entities decoded. */
const valuesOf = (html: string, attribute: string): string[] =>
  Array.from(html.matchAll(new RegExp(`<(?:[^>"]|"[^"]*")* ${attribute}="([^"]*)"`, 'g')), ([, value = '']) =>
    value.replaceAll('&amp;', '&').replaceAll('&quot;', '"'),
  )

const linksOf = (html: string): string[] =>
  Array.from(html.matchAll(/<a (?:[^>"]|"[^"]*")*?href="([^"]*)"/g), ([, href = '']) => href.replaceAll('&amp;', '&'))

const anchors = new Map<string, ReadonlySet<string>>()
const anchorsOf = (file: string): ReadonlySet<string> => {
  const known = anchors.get(file) ?? new Set(valuesOf(readFileSync(join(SITE, file), 'utf8'), 'id'))
  anchors.set(file, known)
  return known
}

/** Finds files like a static file server: `guide.html` for `guide`, and index.html for a directory. */
function fileOf(path: string): string | undefined {
  const candidates = path === '' || path.endsWith('/') ? [`${path}index.html`] : [path, `${path}.html`]
  return candidates.find((candidate) => existsSync(join(SITE, candidate)))
}

/** What is wrong with a link, if anything. */
function complaintOf(page: string, href: string): string | undefined {
  if (/^[a-z]+:/.test(href)) return undefined
  const [path = '', anchor = ''] = decodeURIComponent(href).split('#')
  const file = path === '' ? page : fileOf(path.startsWith('/') ? path.slice(1) : posix.join(dirname(page), path))
  if (file === undefined) return `${page}: ${href} leads nowhere`
  const isThere = anchor === '' || !file.endsWith('.html') || anchorsOf(file).has(anchor)
  return isThere ? undefined : `${page}: ${href}: ${file} has no such anchor`
}

/** Elements whose URL a browser loads automatically. */
const LOADED = /<(?:script|img|iframe|source|video|audio|link)\b(?:[^>"]|"[^"]*")*? (?:src|href)="([^"]*)"/g

function complaintsOf(page: string): string[] {
  const html = readFileSync(join(SITE, page), 'utf8')
  const foreign = Array.from(html.matchAll(LOADED), ([, url = '']) => url).filter((url) => OTHER_HOST.test(url))
  const dead = linksOf(html).map((href) => complaintOf(page, href))
  return [...foreign.map((url) => `${page}: loads ${url}`), ...dead.filter((complaint) => complaint !== undefined)]
}

/** URLs on other hosts in style sheets. */
function foreignStyles(): string[] {
  const sheets = readdirSync(join(SITE, 'assets')).filter((name) => name.endsWith('.css'))
  return sheets.flatMap((name) =>
    Array.from(readFileSync(join(SITE, 'assets', name), 'utf8').matchAll(/(?:url\(|@import )["']?([^"')]*)/g))
      .map(([, url = '']) => url)
      .filter((url) => OTHER_HOST.test(url))
      .map((url) => `${name}: loads ${url}`),
  )
}

/** Every page must be in the navigation, and every page of the navigation must exist. */
function strayPages(files: readonly string[]): string[] {
  const expected = new Set(['404.html', ...pages().map((page) => page.replace(/\.md$/, '.html'))])
  expected.delete('README.html')
  expected.add('index.html')
  const own = files.filter((file) => !file.startsWith('docs/api/'))
  return [
    ...own.filter((file) => !expected.has(file)).map((file) => `${file} is not in the navigation`),
    ...[...expected].filter((file) => !own.includes(file)).map((file) => `${file} is missing`),
  ]
}

const files = htmlFiles()
const complaints = [...strayPages(files), ...files.flatMap(complaintsOf), ...foreignStyles()]
for (const complaint of new Set(complaints)) console.error(complaint)
if (complaints.length > 0) process.exitCode = 1
else console.log(`${relative(ROOT, SITE)}: ${files.length} pages, and every link leads somewhere`)
