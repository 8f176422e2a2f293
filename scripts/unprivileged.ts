/**
 * Runs the live tests as an unprivileged user, who is only root in a user namespace (`unshare -r unshare -n`). The skipped
 * tests must be those that test/unprivileged-skips.json declares. If started as root, it switches to such a user and
 * gives it a copy of the project.
 *
 *   npm run test:unprivileged [-- arguments for jest]
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The user and group id of nobody. */
const USER = '65534'
const ROOT = join(__dirname, '..')

function run(program: string, args: readonly string[], cwd: string, env = process.env): number {
  return spawnSync(program, args, { cwd, env, stdio: 'inherit' }).status ?? 1
}

function must(program: string, ...args: readonly string[]): void {
  if (run(program, args, ROOT) !== 0) throw new Error(`${program} failed`)
}

/** @param become the command that runs another command as the user */
function test(project: string, become: readonly string[], env: NodeJS.ProcessEnv): number {
  const node = [process.execPath, '-r', 'ts-node/register', 'scripts/test.ts', ...process.argv.slice(2)]
  const [program, ...args] = [...become, ...node] as [string, ...string[]]
  const declared = join(project, 'test/unprivileged-skips.json')
  return run(program, args, project, { ...env, XTABLES_LIVE: '1', XTABLES_DECLARED_SKIPS: declared })
}

function testAsUser(): number {
  const place = mkdtempSync(join(tmpdir(), 'xtables-unprivileged-'))
  try {
    const [project, home] = [join(place, 'project'), join(place, 'home')]
    for (const folder of [project, home]) mkdirSync(folder)
    const parts = readdirSync(ROOT).filter((name) => name !== '.git' && name !== '.scratch')
    must('cp', '-a', ...parts.map((name) => join(ROOT, name)), project)
    must('chown', '-R', `${USER}:${USER}`, place)
    chmodSync(place, 0o755)
    const ids = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all']
    return test(project, ['setpriv', ...ids], { PATH: process.env['PATH'], HOME: home, TMPDIR: home })
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

process.exitCode = process.getuid?.() === 0 ? testAsUser() : test(ROOT, [], process.env)
