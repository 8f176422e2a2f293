/**
 * The sidebar: the pages of docs/ that exist, in groups. Pages that no group names are added to the topics, and pages that
 * do not exist are left out, so that adding or removing a page needs no edit here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** An item of the sidebar in VitePress. */
export interface Item {
  readonly text: string
  readonly link?: string
  readonly items?: readonly Item[]
  readonly collapsed?: boolean
}

export const ROOT = join(__dirname, '..')

/** To-do lists for contributors are not part of the site. */
const isWorkList = (page: string): boolean => page.startsWith('docs/TODO')

const TOPICS = 'How-to and topics'

/** The pages of each group, in reading order. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Guide: ['README.md', 'docs/guide.md', 'examples/agent/README.md'],
  Recipes: [],
  [TOPICS]: ['docs/backends.md', 'docs/reconciling.md', 'docs/tracing.md', 'docs/seeing.md', 'docs/watching.md'],
  Reference: ['docs/extensions.md', 'docs/sets.md', 'docs/command.md', 'docs/errors.md'],
  'Coming from …': ['docs/from-python-iptables.md', 'docs/from-spawning-iptables.md'],
  Project: [
    'docs/architecture.md',
    'docs/writing-extensions.md',
    'docs/performance.md',
    'docs/reliability.md',
    'docs/kernels.md',
    'docs/runtimes.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
  ],
}

const markdownIn = (directory: string): string[] =>
  readdirSync(join(ROOT, directory), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map(({ name }) => join(directory, name))
    .filter((page) => !isWorkList(page))
    .sort()

const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** The recipes in the order of the links on their index page. Pages without a link come last. */
function recipes(): string[] {
  if (!existsSync(join(ROOT, 'docs/recipes'))) return []
  const pages = markdownIn('docs/recipes')
  const index = 'docs/recipes/index.md'
  const order = pages.includes(index) ? textOf(index) : ''
  const placeOf = (page: string): number => {
    const place = page === index ? -1 : order.indexOf(`](${page.slice('docs/recipes/'.length)}`)
    return page !== index && place === -1 ? order.length : place
  }
  return pages.sort((one, other) => placeOf(one) - placeOf(other))
}

/** The paths of the pages in the repository, by group. */
export function pagesByGroup(): Readonly<Record<string, readonly string[]>> {
  const named = new Set(Object.values(GROUPS).flat())
  const others = markdownIn('docs').filter((page) => !named.has(page))
  const found = (group: string, pages: readonly string[]): string[] => [
    ...pages.filter((page) => existsSync(join(ROOT, page))),
    ...(group === 'Recipes' ? recipes() : group === TOPICS ? others : []),
  ]
  return Object.fromEntries(Object.entries(GROUPS).map(([group, pages]) => [group, found(group, pages)]))
}

/** All pages except the generated API reference. */
export const pages = (): string[] => Object.values(pagesByGroup()).flat()

/** The first heading of a page. */
export const titleOf = (page: string): string => /^# (.*)$/m.exec(textOf(page))?.[1]?.replaceAll('`', '') ?? page

const linkOf = (page: string): string => (page === 'README.md' ? '/' : `/${page.replace(/(index)?\.md$/, '')}`)

/** An entry of the file that typedoc-plugin-markdown writes. */
interface ApiEntry {
  readonly title: string
  readonly path?: string | null
  readonly children?: readonly ApiEntry[]
}

const apiItem = ({ title, path, children }: ApiEntry): Item => ({
  text: title,
  ...(path ? { link: linkOf(`docs/api/${path}`) } : {}),
  ...(children ? { items: children.map(apiItem), collapsed: true } : {}),
})

function apiItems(): Item[] {
  const entries: readonly ApiEntry[] = JSON.parse(textOf('docs/api/navigation.json'))
  return entries.map(apiItem)
}

/** The API reference has a sidebar of its own, because it has hundreds of pages. */
export function sidebars(): Record<string, readonly Item[]> {
  const groups = Object.entries(pagesByGroup())
    .filter(([, found]) => found.length > 0)
    .map(([group, found]): Item => {
      const items = found.map((page): Item => ({ text: titleOf(page), link: linkOf(page) }))
      return { text: group, items: group === 'Reference' ? [{ text: 'API', link: '/docs/api/' }, ...items] : items }
    })
  return { '/docs/api/': [{ text: 'API', link: '/docs/api/' }, ...apiItems()], '/': groups }
}
