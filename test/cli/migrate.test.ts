/** `xtables migrate --json`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryKernel, migrate } from '../../src/index'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-migrate-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const xtables = (line: string): Said =>
  run('xtables', ['--kernel', 'memory', '--state', join(directory, 'state.json'), ...line.split(' ')])

test('--json prints the same as the text', () => {
  xtables('iptables-legacy -A INPUT -j DROP')
  const { status, stdout } = xtables('migrate legacy nft --dry-run --json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    ...{ from: 'legacy', to: 'nft' },
    tables: [
      {
        ...{ family: 'ipv4', table: 'filter', rules: 1, chains: 0, replaces: { rules: 0, chains: 0 } },
        ...{ obstacles: [], isWritten: false, isCleared: false },
      },
    ],
  })
  expect(JSON.parse(xtables('migrate nft legacy --json').stdout)).toEqual({ from: 'nft', to: 'legacy', tables: [] })
})

test('--json prints the same if there are obstacles', () => {
  xtables('iptables-legacy -A INPUT -j DROP')
  xtables('iptables-nft -A INPUT -j LOG')
  const { status, stdout, stderr } = xtables('migrate legacy nft --json')
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^xtables: /)])
  expect(JSON.parse(stdout).tables).toMatchObject([{ table: 'filter', isWritten: false, rules: 1 }])
})

test('the library refuses to migrate to the same backend', () => {
  expect(() => migrate({ from: 'nft', to: 'nft', kernel: new MemoryKernel() })).toThrow(/from and to are both nft/)
})

test('a migration to the same backend is a wrong command line', () => {
  expect(xtables('migrate legacy legacy')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'xtables: migrate: legacy to legacy: the two backends must differ; see xtables migrate --help\n',
  })
})
