/**
 * Links of pages work on a code host, where every file of the repository can be read, and on the site, which has the pages
 * alone: there, a link to another file becomes its text. What is linked to has to be in the repository, and committed.
 */
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { ROOT } from './navigation'

const API = 'docs/api'

/** As much as is used of what markdown-it has. */
interface Token {
  readonly type: string
  content: string
  children: Token[] | null
  attrGet(name: string): string | null
  attrSet(name: string, value: string): void
}

interface MarkdownIt {
  readonly core: { readonly ruler: { push(name: string, rule: (state: State) => void): void } }
}

interface State {
  readonly tokens: readonly Token[]
  readonly env: { readonly path?: string; readonly realPath?: string }
}

/** Where on the site that is which a page links to; undefined where the site does not have it. */
export function siteLink(from: string, href: string, isPage: (path: string) => boolean): string | undefined {
  const [path = '', anchor] = href.split('#')
  const target = join(dirname(from), decodeURI(path))
  if (from.startsWith(API)) return href
  if (!existsSync(join(ROOT, target)) || target.startsWith(API) || target.startsWith('..'))
    throw new Error(`${from}: links to ${href}, which is not in the repository`)
  if (!isPage(target)) return undefined
  const back = relative(dirname(from), target === 'README.md' ? 'index.md' : target)
  return anchor === undefined ? back : `${back}#${anchor}`
}

const isRelative = (href: string): boolean => !/^(?:[a-z]+:|#|\/)/.test(href)

/** Links do not stand within each other: the next end is that of the link. */
function unlink(tokens: Token[], begin: number): void {
  const end = tokens.findIndex(({ type }, i) => i > begin && type === 'link_close')
  tokens.splice(end, 1)
  tokens.splice(begin, 1)
}

function rewrite(tokens: Token[], from: string, isPage: (path: string) => boolean): void {
  for (let i = tokens.length - 1; i >= 0; i--) {
    const token = tokens[i] as Token
    const href = token.type === 'link_open' ? token.attrGet('href') : null
    if (href === null || !isRelative(href)) continue
    const link = siteLink(from, href, isPage)
    if (link === undefined) unlink(tokens, i)
    else token.attrSet('href', link)
  }
}

/** A plugin of markdown-it. */
export const repositoryLinks = (isPage: (path: string) => boolean) => (markdown: MarkdownIt) =>
  markdown.core.ruler.push('repository_links', ({ tokens, env }) => {
    const from = relative(ROOT, env.realPath ?? env.path ?? ROOT)
    for (const { children } of tokens) if (children !== null) rewrite(children, from, isPage)
  })
