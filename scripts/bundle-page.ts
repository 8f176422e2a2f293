/** Bundles the page of `xtables ui` into a directory with everything that it loads. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

const root = join(__dirname, '..')

export function bundlePage(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const name of ['index.html', 'page.css']) copyFileSync(join(root, 'src/ui/page', name), join(folder, name))
  buildSync({
    absWorkingDir: root,
    entryPoints: ['src/ui/page/page.ts'],
    outfile: join(folder, 'page.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    charset: 'utf8',
    logLevel: 'warning',
  })
}
