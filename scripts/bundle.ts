/**
 * Bundles the command (`dist/command.js`, and `dist/xtables.js`, which starts it), the graph layout library
 * with its licences (`dist/graph/dagre.js`), and the page of `xtables ui` (`dist/page`). `npm run build`
 * calls it.
 */
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { bundleCommand, OPTIONS } from './bundle-command'
import { bundlePage } from './bundle-page'

const root = join(__dirname, '..')
const dist = join(root, 'dist')

const LAYOUT = ['@dagrejs/dagre', '@dagrejs/graphlib']
const licences = LAYOUT.map((name) => `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`)
buildSync({
  ...OPTIONS,
  packages: 'bundle',
  entryPoints: ['src/graph/dagre.ts'],
  outfile: join(dist, 'graph/dagre.js'),
  legalComments: 'none',
  banner: { js: `/*!\n${licences.join('\n')}*/` },
})

rmSync(join(dist, 'graph/dagre.js.map'), { force: true })

// The shell completion scripts.
cpSync(join(root, 'src/cli/completion'), join(dist, 'completion'), { recursive: true })

bundleCommand(dist, { alias: { '@dagrejs/dagre': './graph/dagre.js' }, external: ['./graph/dagre.js'] })
bundlePage(join(dist, 'page'))
rmSync(join(dist, 'cache'), { recursive: true, force: true })
