/** Bundles the command: `dist/command.js`, and `dist/xtables.js`, which starts it. `npm run build` calls it. */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'

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

const command = join(dist, 'command.js')
buildSync({ ...OPTIONS, entryPoints: ['src/cli/main.ts'], outfile: command })
const hash = createHash('sha256').update(readFileSync(command)).digest('hex').slice(0, 16)
const define = { CODE_HASH: JSON.stringify(hash) }
buildSync({ ...OPTIONS, entryPoints: ['src/cli/launch.ts'], outfile: join(dist, 'xtables.js'), define })
rmSync(join(dist, 'cache'), { recursive: true, force: true })
