/** Runs a short version of `npm run fuzz`, in a separate process because it blocks access to programs and files. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const COUNT = 400
const KINDS = ['blob', 'rule', 'save', 'dictionary', 'json', 'command', 'sets', 'nft']

test('all kinds of bad input are refused with the right errors, and accepted input is correct', () => {
  const words = ['-r', 'ts-node/register/transpile-only', 'fuzz/fuzz.ts', '--count', String(COUNT), '--seed', '1']
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: join(__dirname, '..'),
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect([...stdout.matchAll(/^(\w+): 400 inputs from seed 1,/gm)].map(([, kind]) => kind)).toEqual(KINDS)
}, 60_000)
