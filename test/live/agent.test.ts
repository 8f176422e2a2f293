/** Runs the agent of examples/agent as a process, on both backends, while other tools change its tables. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundle } from '../support/bundle'
import { slowness, until } from '../support/until'
import { ended } from './machine'
import './legacy'

jest.setTimeout(120_000 * slowness)

const directory = mkdtempSync(join(tmpdir(), 'xtables-agent-'))
const file = join(directory, 'policy.json')
afterAll(() => rmSync(directory, { recursive: true }))

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
const write = (policy: unknown): void =>
  writeFileSync(file, typeof policy === 'string' ? policy : JSON.stringify(policy))

const agents: ChildProcess[] = []

/** A running agent, its log so far, and the address that it listens on. */
class Agent {
  readonly process: ChildProcess
  logged = ''

  constructor(...words: string[]) {
    const args = [bundle('examples/agent/src/agent.ts'), '--listen', '0', '--policy', file, ...words]
    this.process = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] })
    agents.push(this.process)
    this.process.stderr?.on('data', (text) => {
      this.logged += text
    })
  }

  static async started(...words: string[]): Promise<Agent> {
    const agent = new Agent(...words)
    await agent.logs('http on ')
    return agent
  }

  get lines(): string[] {
    return this.logged.split('\n').slice(0, -1)
  }

  async logs(text: string): Promise<void> {
    await until(`the agent logs ${text}; it has logged ${this.logged}`, () => this.logged.includes(text))
  }

  async get(path: string, method = 'GET'): Promise<{ status: number; type: string | null; body: string }> {
    const [, host, port] = /http on (\S+) port (\d+)/.exec(this.logged) ?? []
    const response = await fetch(`http://${host}:${port}${path}`, { method })
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
  }

  async end(signal: NodeJS.Signals): Promise<unknown> {
    const { status } = await ended(this.process, () => this.process.kill(signal))
    return status
  }
}

beforeAll(() => run('ip', 'link', 'set', 'lo', 'up'))
afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill('SIGKILL')
  run('nft', 'flush', 'ruleset')
  for (const program of ['iptables-legacy', 'ip6tables-legacy'])
    for (const [table, way] of ['filter', 'nat'].flatMap((table) => ['-F', '-X'].map((way) => [table, way])))
      run(program, '-t', table as string, way as string)
})

const POLICY = {
  ipv4: {
    filter: {
      INPUT: ['-j agent-in'],
      'agent-in': [
        '-p udp -m udp --dport 9 -m comment --comment discard -j DROP',
        { protocol: 'tcp', tcp: { dport: '80' }, target: 'ACCEPT' },
      ],
    },
    nat: { 'agent-nat': ['-p tcp -m tcp --dport 81 -j REDIRECT --to-ports 80'] },
  },
  ipv6: { filter: { 'agent-six': ['-s 2001:db8::/32 -j DROP'] } },
}
const DISCARD = '-A agent-in -p udp -m udp --dport 9 -m comment --comment discard -j DROP'
const WEB = '-A agent-in -p tcp -m tcp --dport 80 -j ACCEPT'

describe.each(['legacy', 'nft'])('%s', (backend) => {
  const iptables = (...args: string[]): string => run(`iptables-${backend}`, ...args)
  const ip6tables = (...args: string[]): string => run(`ip6tables-${backend}`, ...args)
  const chain = (name = 'agent-in'): string[] => iptables('-S', name).trim().split('\n').slice(1)
  const isChain =
    (...rules: string[]) =>
    () => {
      try {
        return String(chain()) === String(rules)
      } catch {
        return false
      }
    }
  const words = ['--backend', backend, '--poll', backend === 'nft' ? '3600' : '0.1']

  test('keeps the policy in force while others change it, and leaves the rest alone', async () => {
    write(POLICY)
    iptables('-A', 'INPUT', '-s', '192.0.2.1', '-j', 'DROP')
    const agent = await Agent.started(...words)
    expect(chain()).toEqual([DISCARD, WEB])
    expect(chain('INPUT')).toEqual(['-A INPUT -j agent-in', '-A INPUT -s 192.0.2.1/32 -j DROP'])
    expect(ip6tables('-S', 'agent-six')).toContain('-A agent-six -s 2001:db8::/32 -j DROP\n')
    expect(iptables('-t', 'nat', '-S', 'agent-nat')).toContain('--to-ports 80')

    iptables('-D', 'agent-in', '1')
    await until('a rule is there again', isChain(DISCARD, WEB))
    iptables('-D', 'INPUT', '-j', 'agent-in')
    await until('the jump is there again', () => chain('INPUT').length === 2)
    ip6tables('-F', 'agent-six')
    await until('IPv6 is repaired too', () => ip6tables('-S', 'agent-six').includes('2001:db8'))
    if (backend === 'nft') {
      await agent.logs('repaired after rule-deleted in IPv6 filter by ip6tables-nft')
      run('nft', 'flush', 'ruleset')
      await until('all of it is there again', isChain(DISCARD, WEB))
    } else await agent.logs('repaired after a change by another program')
    iptables('-A', 'INPUT', '-s', '192.0.2.2', '-j', 'DROP')
    expect(await agent.end('SIGTERM')).toBe(0)
    expect(chain()).toEqual([DISCARD, WEB])
    expect(iptables('-S', 'INPUT')).toContain('192.0.2.2')
    expect(agent.lines.at(-1)).toBe('ended; the chains stay')
    expect(agent.logged).not.toContain('Warning')
  })

  test('loads a changed policy, and keeps the last good one', async () => {
    write(POLICY)
    const agent = await Agent.started(...words)
    const changed = { ipv4: { filter: { 'agent-in': [POLICY.ipv4.filter['agent-in'][1]] } } }
    write(changed)
    await until('the new policy is in force', isChain(WEB))
    // Chains that the policy no longer names are removed, also in tables and families that it no longer names.
    expect(iptables('-S', 'INPUT')).not.toContain('agent-')
    await until(
      'its other tables are empty',
      () => !`${iptables('-t', 'nat', '-S')}${ip6tables('-S')}`.includes('agent-'),
    )

    const isWell = async (): Promise<boolean> => (await agent.get('/healthz')).status === 200
    expect(await isWell()).toBe(true)
    const bad: [policy: unknown, fault: string][] = [
      ['{"ipv4": ', `${file} is not valid JSON`],
      ['{"ipv4": {}, "ipv4": {}}', 'the key "ipv4" appears twice'],
      [{ ipv5: {} }, `${file}: ipv5 is not a family; accepted: ipv4, ipv6`],
      [{ ipv4: { filter: [] } }, 'ipv4: table filter must be an object of chains, not []'],
      [{ ipv4: { filter: { 'agent-in': '-j DROP' } } }, 'ipv4: table filter chain agent-in must be a list of rules'],
      [
        { ipv4: { filter: { 'agent-in': ['-j DROP', '-p tcp --dprot 80'] } } },
        'ipv4: table filter chain agent-in rule 2: unknown option "--dprot"',
      ],
      [
        { ipv6: { filter: { 'agent-in': [{ tcp: { dprot: 80 } }] } } },
        'ipv6: table filter chain agent-in rule 1: match tcp: unknown parameter',
      ],
      [{ ipv4: { filter: { 'agent-in': [] } }, ipv6: { filtre: {} } }, 'there is no table "filtre"'],
      [{ ipv4: { filter: { INPUT: ['-j DROP'] } } }, 'chain INPUT rule 1: the chain is not yours'],
      [{ ipv4: { filter: { 'agent-in': ['-j agent-gone'] } } }, 'agent-gone'],
    ]
    for (const [policy, fault] of bad) {
      write(policy)
      if (typeof policy === 'string') agent.process.kill('SIGHUP')
      await agent.logs(fault)
      expect(chain()).toEqual([WEB])
    }
    expect(await agent.get('/healthz')).toMatchObject({ status: 503, body: expect.stringContaining('agent-gone') })
    iptables('-F', 'agent-in')
    agent.process.kill('SIGHUP')
    await until('the last good policy is kept', isChain(WEB))
    write(POLICY)
    await until('the policy is good again', isChain(DISCARD, WEB))
    await agent.logs('in force again')
    expect(await isWell()).toBe(true)
    for (const line of agent.lines) expect(line).toMatch(/\S/)
    expect(await agent.end('SIGINT')).toBe(0)
  })

  test('serves the counters of rules, and deletes its chains at the end on request', async () => {
    write(POLICY)
    iptables('-A', 'INPUT', '-s', '192.0.2.1', '-j', 'DROP')
    const agent = await Agent.started(...words, '--remove')
    iptables('-Z')
    run('bash', '-c', 'for i in 1 2 3; do echo x > /dev/udp/127.0.0.1/9; done')
    const { status, type, body } = await agent.get('/metrics?now')
    expect({ status, type }).toEqual({ status: 200, type: expect.stringContaining('application/openmetrics-text') })
    const lines = body.split('\n')
    expect(lines).toContain(
      'xtables_rule_packets_total{family="ipv4",table="filter",chain="agent-in",comment="discard"} 3',
    )
    expect(lines).toContain('xtables_agent_healthy 1')
    expect(lines.slice(-2)).toEqual(['# EOF', ''])
    expect(body).toMatch(/^xtables_agent_changed_chains_total [1-9]/m)
    expect(await agent.get('/')).toMatchObject({ status: 404 })
    expect(await agent.get('/metrics', 'POST')).toMatchObject({ status: 404 })
    agent.process.kill('SIGTERM')
    expect(await agent.end('SIGTERM')).toBe(0)
    expect(iptables('-S', 'INPUT')).toBe('-P INPUT ACCEPT\n-A INPUT -s 192.0.2.1/32 -j DROP\n')
    for (const text of [iptables('-S'), iptables('-t', 'nat', '-S'), ip6tables('-S')])
      expect(text).not.toContain('agent-')
    expect(agent.lines.at(-1)).toBe('ended; the chains are removed')
  })

  test('exits at once if it cannot start, with nothing changed', async () => {
    iptables('-N', 'agent-old')
    for (const [policy, args, status, complaint] of [
      ['{', [], 1, 'is not valid JSON'],
      [{ ipv4: { filter: { INPUT: ['-j DROP'] } } }, [], 1, 'the chain is not yours'],
      [POLICY, ['--poll', 'often'], 2, '--poll must be a number of seconds up to 86400, not often'],
      [POLICY, ['--port', '1'], 2, "Unknown option '--port'"],
      [POLICY, ['--policy', '/nonexistent'], 1, 'pass another one with --policy FILE'],
      [POLICY, ['--listen', '192.0.2.9:1'], 1, 'EADDRNOTAVAIL'],
    ] as const) {
      write(policy)
      const agent = new Agent(...words, ...args)
      expect({ ...(await ended(agent.process)), complaint: '' }).toMatchObject({ status })
      expect(agent.logged).toContain(complaint)
      if (policy !== POLICY) expect(agent.lines).toHaveLength(1)
      if (!(args as readonly string[]).includes('--listen')) expect(iptables('-S')).not.toContain('agent-in')
      expect(iptables('-S')).toContain(args[0] === '--listen' ? 'agent-in' : 'agent-old')
    }
  })

  test('does not fight another agent in a hot loop', async () => {
    write(POLICY)
    const other = join(directory, 'other.json')
    writeFileSync(other, JSON.stringify({ ipv4: { filter: { 'agent-in': ['-j RETURN'] } } }))
    const both = [await Agent.started(...words), await Agent.started(...words, '--policy', other)]
    await sleep(5000)
    const all = both.flatMap(({ lines }) => lines).filter((line) => line.startsWith('repaired')).length
    expect(all).toBeGreaterThan(1)
    // On ip_tables, only the polling interval limits the repairs. Here it is a tenth of a second.
    if (backend === 'nft') expect(all).toBeLessThan(16)
  })
})
