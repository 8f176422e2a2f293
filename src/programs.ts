/** Running another program. Few calls need it, and it takes long to load what does it: so that is loaded then. */
export function runProgram(
  program: string,
  args: readonly string[],
  /** In milliseconds; for ever unless said. */
  timeout?: number,
): { status: number | null; stdout: string } {
  const { spawnSync } = require('node:child_process') as typeof import('node:child_process')
  const { status, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout,
  })
  return { status, stdout: stdout ?? '' }
}
