/** The project without its tools, for a machine that is not of our kind, with the binary of ffi-rs that fits there. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(__dirname, '..')
const PARTS = ['package.json', 'test/extensions/cases', 'node_modules/ffi-rs', 'node_modules/zod']

/** Downloads a package of npm, and unpacks it without running anything of it. */
export function unpackNpm(name: string, destination: string): void {
  const download = mkdtempSync(join(tmpdir(), 'xtables-npm-'))
  try {
    execFileSync('npm', ['pack', '--silent', name], { cwd: download, stdio: ['ignore', 'ignore', 'inherit'] })
    const [tarball] = readdirSync(download) as [string]
    mkdirSync(destination, { recursive: true })
    execFileSync('tar', ['xzf', join(download, tarball), '-C', destination, '--strip-components=1'])
  } finally {
    rmSync(download, { recursive: true })
  }
}

/** @param binary as the packages of ffi-rs call it: `linux-arm64-gnu`. */
export function copyProject(destination: string, binary: string): void {
  for (const part of PARTS) cpSync(join(ROOT, part), join(destination, part), { recursive: true })
  const { version } = JSON.parse(readFileSync(join(ROOT, 'node_modules/ffi-rs/package.json'), 'utf8'))
  const name = `@yuuang/ffi-rs-${binary}`
  unpackNpm(`${name}@${version}`, join(destination, 'node_modules', name))
}
