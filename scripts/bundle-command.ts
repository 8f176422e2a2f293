/** Bundles the command into a directory: `command.js`, and `xtables.js`, which starts it. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'

export const OPTIONS: BuildOptions = {
  absWorkingDir: join(__dirname, '..'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
}

/** @param options of the bundle of the command itself */
export function bundleCommand(directory: string, options: BuildOptions = {}): void {
  const command = join(directory, 'command.js')
  buildSync({ ...OPTIONS, ...options, entryPoints: ['src/cli/main.ts'], outfile: command })
  const hash = createHash('sha256').update(readFileSync(command)).digest('hex').slice(0, 16)
  const define = { CODE_HASH: JSON.stringify(hash) }
  buildSync({ ...OPTIONS, entryPoints: ['src/cli/launch.ts'], outfile: join(directory, 'xtables.js'), define })
}
