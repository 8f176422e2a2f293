/** The site: the pages of the repository, and the API reference that typedoc generates. */
import type { UserConfig } from 'vitepress' with { 'resolution-mode': 'import' }
import { literalCode } from '../literal-code'
import { pages, sidebars } from '../navigation'
import { repositoryLinks } from '../repository-links'
import { slugify } from '../slugify'

const PAGES = new Set(pages())

/** Files that are not part of the site. */
const WITHOUT_PAGES = ['**/node_modules/**', '.*/**', 'dist/**', 'fixtures/**', 'docs/TODO*.md']

const config: UserConfig = {
  srcDir: '..',
  outDir: '../.site',
  cacheDir: '../node_modules/.cache/vitepress',
  srcExclude: WITHOUT_PAGES,
  rewrites: { 'README.md': 'index.md' },
  title: 'xtables',
  description: 'The Linux packet filter from TypeScript',
  // A dead link fails the build. scripts/check-site.ts also checks anchors.
  ignoreDeadLinks: false,
  markdown: {
    anchor: { slugify },
    config: (markdown) => {
      markdown.use(repositoryLinks((path) => PAGES.has(path)))
      markdown.use(literalCode)
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    sidebar: sidebars() as NonNullable<UserConfig['themeConfig']>['sidebar'],
    nav: [
      { text: 'Guide', link: PAGES.has('docs/guide.md') ? '/docs/guide' : '/' },
      ...(PAGES.has('docs/recipes/index.md') ? [{ text: 'Recipes', link: '/docs/recipes/' }] : []),
      { text: 'Extensions', link: '/docs/extensions' },
      { text: 'API', link: '/docs/api/' },
      { text: 'Changelog', link: '/CHANGELOG' },
    ],
  },
}

export default config
