/**
 * Bundles the command (`dist/command.js`, and `dist/xtables.js`, which starts it), the graph layout library
 * with its licences (`dist/graph/dagre.js`), and the page of `xtables ui` (`dist/page`). `npm run build`
 * calls it.
 */
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'
import { bundlePage } from './bundle-page'

const root = join(__dirname, '..')
const dist = join(root, 'dist')

const OPTIONS: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
}

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

const command = join(dist, 'command.js')
const shared = { alias: { '@dagrejs/dagre': './graph/dagre.js' }, external: ['./graph/dagre.js'] }
buildSync({ ...OPTIONS, ...shared, entryPoints: ['src/cli/main.ts'], outfile: command })
const hash = createHash('sha256').update(readFileSync(command)).digest('hex').slice(0, 16)
const define = { CODE_HASH: JSON.stringify(hash) }
buildSync({ ...OPTIONS, entryPoints: ['src/cli/launch.ts'], outfile: join(dist, 'xtables.js'), define })
bundlePage(join(dist, 'page'))
rmSync(join(dist, 'cache'), { recursive: true, force: true })
