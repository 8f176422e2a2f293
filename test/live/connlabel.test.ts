/** Names of connection labels, which both sides read from /etc/xtables/connlabel.conf. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../support/run-program'
import { runScript } from './machine'

const LABELS = ['# comment', '0 eth0-in', '1\teth0-out', '5 two words', '6 "quoted"', '7 a#b', '8 9', '200 big']
const NAMES = ['eth0-in', 'two words', '0', '1', '2', '6', '7']
const UNKNOWN = ['ETH0-IN', 'eth0-i', 'two', 'quoted', 'a#b', 'big', 'nope']

const directory = mkdtempSync(join(tmpdir(), 'xtables-labels-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** The start of a command that runs another one in a mount namespace with the file of labels. */
const withLabels = (): string[] => {
  const file = join(directory, 'connlabel.conf')
  writeFileSync(file, [...LABELS, ''].join('\n'))
  const place = 'mount -t tmpfs none /etc && mkdir /etc/xtables && cp "$0" /etc/xtables/connlabel.conf && exec "$@"'
  return ['unshare', '-m', 'bash', '-c', place, file]
}

const OURS = `
  const { Rule, XtablesError } = require('./src')
  const { FAMILIES } = require('./src/abi/family')
  const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
  const { captureTable } = require('./src/kernel/capture')
  const { contextOf, rulesetOf } = require('./test/support/fixtures')
  const { listTable } = require('./src/language/list')
  const fixture = { capture: captureTable(new LinuxKernel(), 'ipv4', 'filter') }
  for (const numeric of [false, true]) console.log(listTable(rulesetOf(fixture), contextOf(fixture), { numeric }))
  for (const name of ${JSON.stringify(NAMES)}) console.log('-A INPUT ' + Rule.parse('-m connlabel --label "' + name + '"'))
  for (const name of ${JSON.stringify(UNKNOWN)})
    try {
      console.log(String(Rule.parse('-m connlabel --label "' + name + '"')))
    } catch (error) {
      if (!(error instanceof XtablesError)) throw error
    }
`

/** The output of a command that can read the labels. */
function labelled(...words: string[]): string {
  const [command, ...rest] = [...withLabels(), ...words]
  const { status, stdout, stderr } = run(command as string, rest)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

test('labels are written and listed by name', () => {
  const lines = NAMES.map((name) => `-A INPUT -m connlabel --label "${name}"`)
  const [command, ...words] = [...withLabels(), 'iptables-legacy-restore']
  expect(run(command as string, words, ['*filter', ...lines, 'COMMIT', ''].join('\n'))).toMatchObject({ status: 0 })
  const saved = labelled('iptables-legacy', '-S', 'INPUT').split('\n').slice(1)
  const lists = [labelled('iptables-legacy', '-L'), labelled('iptables-legacy', '-L', '-n')]
  const { status, stdout } = runScript(OURS, withLabels())
  run('iptables-legacy', ['-F'])
  expect({ status, stdout }).toEqual({ status: 0, stdout: [...lists, saved.join('\n')].join('\n') })
})
