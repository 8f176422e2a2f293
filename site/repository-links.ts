/**
 * Makes links of pages work both on a code host, which shows all files of the repository, and on the site, which only
 * contains the pages. On the site, a link to any other file is replaced by its text. The target must exist and be committed.
 */
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { ROOT } from './navigation'

const API = 'docs/api'

/** The parts of markdown-it that are used here. */
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

/** The link on the site; undefined if the site does not contain the target. @throws Error if it is not in the repository */
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

/** Removes a link but keeps its text. Links are not nested, so the next closing token belongs to it. */
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

/** A markdown-it plugin. */
export const repositoryLinks = (isPage: (path: string) => boolean) => (markdown: MarkdownIt) =>
  markdown.core.ruler.push('repository_links', ({ tokens, env }) => {
    const from = relative(ROOT, env.realPath ?? env.path ?? ROOT)
    for (const { children } of tokens) if (children !== null) rewrite(children, from, isPage)
  })
