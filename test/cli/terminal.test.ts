/** Tests colours on terminals and pipes, and output whose reader stops before the end. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundledCommand } from '../support/bundle'
import { run } from './run'

jest.setTimeout(120_000)

const directory = mkdtempSync(join(tmpdir(), 'xtables-terminal-'))
afterAll(() => rmSync(directory, { recursive: true }))
const state = join(directory, 'state.json')
const rules = join(directory, 'rules')
const PLACE = `--kernel memory --state ${state}`
let command: string
beforeAll(() => {
  command = `${process.execPath} ${bundledCommand()}`
  writeFileSync(rules, '*filter\n:web - [0:0]\n-A web -j DROP\nCOMMIT\n')
  run('xtables', [...PLACE.split(' '), 'iptables', '-A', 'INPUT', '-c', '1', '2', '-j', 'DROP'])
})

const ESCAPE = '\x1b['

/** The output of a line of sh(1), on a terminal or to a pipe. Only `env` contains variables for colours. */
function printed(line: string, isTerminal: boolean, env: Record<string, string>): string {
  const { NO_COLOR: _, FORCE_COLOR: __, COLORTERM: ___, CI: ____, ...rest } = process.env
  const options = { encoding: 'utf8' as const, env: { ...rest, TERM: 'xterm-256color', ...env }, timeout: 60_000 }
  const { status, stdout, stderr } = isTerminal
    ? spawnSync('script', ['-qec', line, '/dev/null'], { ...options, input: '' })
    : spawnSync('sh', ['-c', line], options)
  expect({ line, status, stderr }).toEqual({ line, status: 0, stderr: '' })
  return stdout
}

const COLOURED = ['list', 'list --tree', `plan --prefix web ${rules}`]

describe.each(COLOURED)('%s', (words) => {
  test.each<[isTerminal: boolean, env: Record<string, string>, isColoured: boolean]>([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('on a terminal: %j, with %j: coloured: %j', (isTerminal, env, isColoured) => {
    expect(printed(`${command} ${PLACE} ${words}`, isTerminal, env).includes(ESCAPE)).toBe(isColoured)
  })
})

test.each([
  'help',
  'list --help',
  'list --json',
  'iptables -S',
  'iptables -L -n',
  'iptables-save',
  'graph',
  'dump --json',
  'metrics',
])('the output of %s is never coloured', (words) => {
  expect(printed(`${command} ${PLACE} ${words}`, true, { FORCE_COLOR: '1' })).not.toContain(ESCAPE)
})

test.each(['list', 'help', 'list --help', 'graph'])('%s ends like other tools if the pipe is closed', (words) => {
  const line = `trap '' INT; { ${command} ${PLACE} ${words}; echo "status $?" >&2; } | true`
  const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
  expect(stdout).toBe('')
  // If everything was written before the pipe was closed, there is no error.
  expect(stderr).toMatch(/^(.*Broken pipe\n)?status (141|0)\n$/)
})
