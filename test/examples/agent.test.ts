/** The other files of examples/agent: policy, package.json, systemd unit and Dockerfile. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Ajv from 'ajv/dist/2020'
import { type Desired, MemoryKernel, reconcile } from '../../src/index'

const ROOT = join(__dirname, '../..')
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const fileOf = (name: string): string => textOf(`examples/agent/${name}`)
const policy = JSON.parse(fileOf('policy.json'))

describe('the schema of policies', () => {
  const ajv = new Ajv({ strict: false })
  for (const name of ['rule', 'rule6'])
    ajv.addSchema(
      JSON.parse(textOf(`schema/${name}.schema.json`)),
      `file:///node_modules/xtables/schema/${name}.schema.json`,
    )
  const isRight = ajv.compile({ ...JSON.parse(fileOf('policy.schema.json')), $id: 'file:///policy.schema.json' })

  test('accepts the policy of the example', () => {
    expect(isRight(policy)).toBe(true)
  })

  test.each([
    { ipv5: {} },
    { ipv4: { filtre: {} } },
    { ipv4: { filter: { 'agent-in': '-j DROP' } } },
    { ipv4: { filter: { 'agent-in': [{ tcp: { dprot: '22' } }] } } },
    { ipv6: { filter: { 'agent-in': [{ icmp: { 'icmp-type': '8' } }] } } },
  ])('refuses %j', (wrong) => {
    expect(isRight(wrong)).toBe(false)
  })
})

test.each(['legacy', 'nft'] as const)('the policy is accepted by %s', (backend) => {
  for (const [family, desired] of [...Object.entries<Desired>({ ipv4: policy.ipv4, ipv6: policy.ipv6 })]) {
    const place = { kernel: new MemoryKernel(), backend, ipv6: family === 'ipv6', owns: { prefix: 'agent-' } }
    reconcile(desired, { ...place, apply: true })
    expect(reconcile(desired, place).isEmpty).toBe(true)
  }
})

test('package.json depends on this version, and on the compiler versions used here', () => {
  const own = JSON.parse(fileOf('package.json'))
  const ours = JSON.parse(textOf('package.json'))
  expect(own.dependencies).toEqual({ xtables: `^${ours.version}` })
  expect(own.engines).toEqual(ours.engines)
  expect(own.devDependencies['@types/node']).toBe(ours.devDependencies['@types/node'])
})

test('only imports the package, modules of Node and itself', () => {
  for (const name of ['agent', 'keeper', 'options', 'policy', 'server', 'wakeup', 'watch'])
    for (const [, from] of fileOf(`src/${name}.ts`).matchAll(/ from '(.*)'/g))
      expect(from).toMatch(/^(?:xtables|node:[a-z/]+|\.\/[a-z]+\.js)$/)
})

test('the unit and the image have exactly the capabilities in docs/privileges.md', () => {
  const capabilitiesOf = (operation: string): string[] => {
    const line = new RegExp(`^\\| ${operation} +\\| (.*?) +\\|`, 'm').exec(textOf('docs/privileges.md'))
    return line?.[1]?.replaceAll('`', '').split(' ').sort() ?? []
  }
  const unit = fileOf('agent.service')
  for (const key of ['CapabilityBoundingSet', 'AmbientCapabilities']) {
    const [, words = ''] = new RegExp(`^${key}=(.*)$`, 'm').exec(unit) ?? []
    expect(words.split(' ').sort()).toEqual(capabilitiesOf('editing a table'))
  }
  const [, onFile = ''] = /setcap (\S+)\+ep/.exec(fileOf('Dockerfile')) ?? []
  expect(onFile.toUpperCase().split(',')).toEqual(capabilitiesOf('editing a table of nf_tables'))
})

describe('the unit waits for the agent', () => {
  const [, script = ''] = /^ExecStartPost=\/usr\/bin\/node -e '(.*)' \$MAINPID$/m.exec(fileOf('agent.service')) ?? []

  async function wait(pid: number, port: number): Promise<unknown> {
    const child = spawn(process.execPath, ['-e', script.replace('9150', `${port}`), `${pid}`], { stdio: 'ignore' })
    return (await once(child, 'exit'))[0]
  }

  test('until it answers', async () => {
    const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(await wait(process.pid, (server.address() as AddressInfo).port)).toBe(0)
    server.close()
  })

  test('and no longer than it runs', async () => {
    const agent = spawn('true')
    await once(agent, 'exit')
    expect(await wait(agent.pid as number, 1)).toBe(1)
  })
})

test('the README lists every option and every file', () => {
  const page = fileOf('README.md')
  for (const [, option] of fileOf('src/options.ts').matchAll(/^ {4}(\w+): \{ type/gm))
    expect(page).toContain(`\`--${option}`)
  for (const [, name] of page.matchAll(/^\| `([\w./]+)` /gm)) expect(() => fileOf(name as string)).not.toThrow()
})
