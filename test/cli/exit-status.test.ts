/** Tests every exit status that help, the man page and the docs promise. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownApplets, statusesOf, toolKinds } from '../../src/cli/applets/described'
import { OWN } from '../../src/cli/applets/own-applets'
import { ConflictError, LockTimeoutError } from '../../src/errors'
import { run } from './run'

const directory = mkdtempSync(join(tmpdir(), 'xtables-status-'))
afterAll(() => rmSync(directory, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

const state = join(directory, 'state.json')
const MEMORY = ['--kernel', 'memory', '--state', state]
beforeAll(() => {
  for (const line of [
    'iptables-legacy -N web',
    'iptables-nft -N used',
    'iptables-nft -A INPUT -j used',
    'ipset create bad hash:ip',
  ])
    run('xtables', [...MEMORY, ...line.split(' ')])
})

const RULES = '*filter\n:web - [0:0]\n-A web -j DROP\nCOMMIT\n'
const CLEAN = '*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n'
const SHADOWED = '*filter\n:INPUT DROP [0:0]\n-A INPUT -j DROP\n-A INPUT -s 10.0.0.1 -j DROP\nCOMMIT\n'
const TTL = '*filter\n-A INPUT -j TTL --ttl-set 3\nCOMMIT\n'

type Case = readonly [status: number, words: string, input?: string]

/** Cases by applet. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  iptables: [
    [0, 'iptables -S'],
    [1, 'iptables-legacy -D INPUT 1'],
    [2, 'iptables --nope'],
    [2, 'iptables -A INPUT -p tcp --dport nope'],
    [3, 'iptables-legacy -t nope -L'],
    [3, 'iptables-nft -t nope -L'],
    [4, 'iptables-nft -X used'],
  ],
  'iptables-save': [
    [0, 'iptables-save'],
    [1, 'iptables-save -t nope'],
    [1, 'iptables-save --nope'],
    [2, '--backend legacy iptables-nft-save'],
  ],
  'iptables-restore': [
    [0, 'iptables-restore', RULES],
    [1, 'iptables-restore', '*filter\n-A NOPE -j DROP\nCOMMIT\n'],
    [1, 'iptables-restore --nope', RULES],
    [1, 'iptables-restore /no/such/file'],
    [2, 'iptables-restore', '*filter\n-A INPUT --nope\nCOMMIT\n'],
    [1, 'iptables-legacy-restore', TTL],
    [4, 'iptables-nft-restore', TTL],
  ],
  'iptables-translate': [
    [0, 'iptables-translate -A INPUT -j DROP'],
    [1, 'iptables-translate -X'],
    [2, 'iptables-translate --nope'],
  ],
  'iptables-restore-translate': [
    [0, 'iptables-restore-translate -f RULES'],
    [1, 'iptables-restore-translate -f /no/such/file'],
    [2, 'iptables-restore-translate --nope'],
  ],
  'iptables-xml': [
    [0, 'iptables-xml', RULES],
    [1, 'iptables-xml -h'],
    [1, 'iptables-xml --nope'],
    [1, 'iptables-xml', 'nonsense\n'],
    [2, 'iptables-xml', '*filter\n:INPUT\nCOMMIT\n'],
  ],
  ipset: [
    [0, 'ipset list'],
    [1, 'ipset test bad 192.0.2.1'],
    [1, 'ipset flush nope'],
    [2, 'ipset nope'],
    [255, 'ipset restore -f /no/such/file'],
  ],
  list: [
    [0, 'list'],
    [1, '--netns no-such-namespace list'],
  ],
  graph: [
    [0, 'graph'],
    [1, 'graph -t nope'],
  ],
  top: [],
  ui: [],
  monitor: [],
  metrics: [
    [0, 'metrics'],
    [1, 'metrics -t nope'],
  ],
  plan: [
    [0, 'plan --prefix web', RULES],
    [1, 'plan --prefix web', '*filter\n-A NOPE --nope\nCOMMIT\n'],
    [2, 'plan', RULES],
  ],
  apply: [
    [0, 'apply --prefix web', RULES],
    [1, 'apply --prefix web', '*filter\n:web\n-A web --nope\nCOMMIT\n'],
    [1, 'apply --prefix web /no/such/file'],
    [2, 'apply', RULES],
    [2, 'apply --json --prefix web', '{}'],
  ],
  confirm: [
    [1, 'confirm /no/such/directory'],
    [2, 'confirm'],
  ],
  rollback: [[2, 'rollback']],
  trace: [
    [0, 'trace -p tcp RULES'],
    [1, 'trace -p tcp /no/such/file'],
  ],
  lint: [
    [0, 'lint --no-session CLEAN'],
    [1, 'lint --no-session SHADOWED'],
    [1, 'lint /no/such/file'],
  ],
  migrate: [
    [0, 'migrate legacy nft -t mangle --dry-run'],
    [1, 'migrate legacy nft -t nope'],
  ],
  capture: [
    [0, 'capture filter'],
    [1, 'capture nope'],
    [2, 'capture'],
  ],
  show: [
    [1, 'show /no/such/file'],
    [2, 'show'],
  ],
  dump: [
    [0, 'dump --json'],
    [1, 'dump --json nope'],
    [2, 'dump'],
  ],
  batch: [
    [0, 'batch', 'iptables -S\nlist\n'],
    [1, 'batch', 'iptables -S\nnope\n'],
    [2, 'batch file'],
  ],
  completion: [
    [0, 'completion zsh'],
    [2, 'completion'],
  ],
  help: [
    [0, 'help'],
    [2, 'help nope'],
  ],
}

const WITHOUT_KERNEL = [
  'iptables-xml',
  'iptables-translate',
  'iptables-restore-translate',
  'show',
  'confirm',
  'rollback',
  'completion',
]

function statusOf(words: string, input?: string): number {
  const given = words
    .replace('RULES', file('rules', RULES))
    .replace('CLEAN', file('clean', CLEAN))
    .replace('SHADOWED', file('shadowed', SHADOWED))
    .split(' ')
  const isPlaced = !WITHOUT_KERNEL.includes(given[0] as string) && given[0] !== '--netns'
  return run('xtables', [...(isPlaced ? MEMORY : []), ...given], input).status
}

describe.each(Object.entries(CASES).filter(([, cases]) => cases.length > 0))('%s', (_, cases) => {
  for (const [status, words, input] of cases)
    test(`ends with ${status}: ${words}`, () => {
      expect(statusOf(words, input)).toBe(status)
    })
})

test('every applet is tested', () => {
  const all = [...toolKinds().map(({ names }) => names[0]), ...ownApplets().map(({ name }) => name)]
  expect(Object.keys(CASES).sort()).toEqual([...all].sort())
})

/** Statuses that need a held lock or another user. They are tested in test/live/process, or below. */
const ELSEWHERE = ['iptables-save 4', 'apply 4']

test('tools exit with the documented statuses, and no others', () => {
  for (const { names, tool } of toolKinds()) {
    const [name = ''] = names
    const met = new Set((CASES[name] ?? []).map(([status]) => status))
    const told = statusesOf(tool).map(([status]) => status)
    expect([name, [...met].sort()]).toEqual([
      name,
      told.filter((status) => !ELSEWHERE.includes(`${name} ${status}`)).sort(),
    ])
  }
})

test.each(ownApplets().map((applet) => [applet.name, applet]))(
  '%s exits with the documented statuses',
  (name, applet) => {
    const told = statusesOf(applet).map(([status]) => status)
    expect(told).toEqual(name === 'apply' ? [0, 1, 2, 4] : [0, 1, 2])
    for (const [status] of CASES[name] ?? []) expect(told).toContain(status)
  },
)

test.each([...OWN.values()].filter(({ isHidden }) => !isHidden).map(({ name }) => name))(
  '%s exits with 2 for an unknown option',
  (name) => {
    let later: Promise<number> | undefined
    const goOn = (work: (signal: AbortSignal) => Promise<number>): void => {
      later = work(AbortSignal.abort())
    }
    const { status } = run('xtables', [name, '--frobnicate'], '', { goOn })
    return Promise.resolve(later ?? status).then((ended) => expect(ended).toBe(2))
  },
)

test.each([
  new LockTimeoutError('XT_LOCK_TIMEOUT', 'the lock is held'),
  new ConflictError('XT_CONFLICT', 'another program has changed it'),
])('apply exits with 4 if it can be tried again: %s', (error) => {
  jest.isolateModules(() => {
    jest.doMock('../../src/cli/reconcile', () => ({
      runApply: () => {
        throw error
      },
    }))
    expect(run('xtables', [...MEMORY, 'apply', '--tables'], RULES)).toMatchObject({ status: 4, stdout: '' })
  })
})
