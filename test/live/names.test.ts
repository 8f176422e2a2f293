/**
 * Host names that only DNS resolves, compared with iptables-legacy: with a name server in the namespace, and without
 * running programs.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NetworkNamespace } from '../../src/index'
import { bundledCommand } from '../support/bundle'
import { attempt, newNamespace, run } from './legacy'

/** The records of the server. It does not answer queries for `silent.test`. */
const ZONE = {
  'one.test': { 1: ['10.1.0.1'] },
  'two.test': { 1: ['10.2.0.1', '10.2.0.2'], 28: ['2001:db8::1', '2001:db8::2'] },
  'new.test': { 28: ['2001:db8::3'] },
  'a_b-c.test': { 1: ['10.3.0.1'] },
  '1.0.1.10.in-addr.arpa': { 12: ['one.test'] },
  '2.0.2.10.in-addr.arpa': { 12: ['a-host-with-a-long-name.two.test'] },
  [`3.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`]: { 12: ['new.test'] },
}

/** Implements RFC 1035 as far as one question needs it: types 1 (A), 12 (PTR) and 28 (AAAA). */
function serve(zone: Record<string, Record<number, string[]>>): void {
  const { createSocket } = require('node:dgram') as typeof import('node:dgram')
  const nameBytes = (name: string): Buffer =>
    Buffer.concat([...name.split('.'), ''].map((label) => Buffer.from([label.length, ...Buffer.from(label)])))
  const addressBytes = (address: string): Buffer => {
    if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
    const [front, back] = address.split('::').map((half) => half.split(':').map((word) => Number.parseInt(word, 16)))
    const words = [...(front as number[]), ...Array(8).fill(0)]
    const last = back as number[]
    words.splice(8 - last.length, words.length, ...last)
    return Buffer.from(words.flatMap((word) => [word >> 8, word & 255]))
  }
  const record = (type: number, data: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data])
  const socket = createSocket('udp4', (packet, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (; packet[at] !== 0; at += (packet[at] as number) + 1)
      labels.push(packet.toString('latin1', at + 1, at + 1 + (packet[at] as number)))
    const known = zone[labels.join('.').toLowerCase()]
    if (labels.join('.') === 'silent.test') return
    const type = packet.readUInt16BE(at + 1)
    const answers = (known?.[type] ?? []).map((one) => record(type, type === 12 ? nameBytes(one) : addressBytes(one)))
    const head = Buffer.from([0x85, known === undefined ? 3 : 0, 0, 1, 0, answers.length, 0, 0, 0, 0])
    socket.send(Buffer.concat([packet.subarray(0, 2), head, packet.subarray(12, at + 5), ...answers]), port, address)
  })
  socket.bind(53, '127.0.0.1', () => console.log('ready'))
}

const command = `${process.execPath} ${bundledCommand()}`
let folder: string
let namespace: NetworkNamespace
let server: ChildProcess

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'xtables-names-'))
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n')
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files dns\n')
  writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n10.4.0.1 three.test\n10.4.0.2 three.test\n')
  namespace = newNamespace()
  run(namespace, 'ip link set lo up')
  const script = `(${serve})(${JSON.stringify(ZONE)})`
  server = namespace.run(() => spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] }))
  await once(server.stdout as NodeJS.ReadableStream, 'data')
})

afterEach(() => {
  server.kill()
  rmSync(folder, { recursive: true })
})

/** Runs a command line with our files for the resolver. */
function ask(line: string) {
  const files = ['resolv.conf', 'nsswitch.conf', 'hosts']
  const lay = files.map((name) => `mount --bind ${folder}/${name} /etc/${name}`).join(' && ')
  writeFileSync(join(folder, 'line'), `${lay}\n${line}\n`)
  const { status, stdout, stderr } = attempt(namespace, `unshare -m bash -e ${folder}/line`)
  return { status, stdout, stderr }
}

const without = (words: string): string => words.replaceAll(/^ip6?tables v\S+ \(legacy\): |^xtables: /gm, '')

test.each([
  ['iptables', 'one.test'],
  ['iptables', 'ONE.test'],
  ['iptables', 'two.test'],
  ['iptables', 'two.test/24,one.test'],
  ['iptables', 'a_b-c.test'],
  ['iptables', 'three.test'],
  ['iptables', 'new.test'],
  ['iptables', 'nowhere.test'],
  ['ip6tables', 'two.test'],
  ['ip6tables', 'new.test/64'],
  ['ip6tables', 'one.test'],
])('%s -s %s', (tool, name) => {
  const [theirs, ours] = [`${tool}-legacy`, `${command} ${tool}`].map((one) => {
    const { status, stderr } = ask(`${one} -F; ${one} -A INPUT -s ${name} -d ${name} -j DROP`)
    return { status, said: without(stderr), rules: run(namespace, `${tool}-legacy -S`) }
  })
  expect(ours).toEqual(theirs)
})

test.each([
  ['iptables', ['10.1.0.1', '10.2.0.2', '10.2.0.0/16', '10.9.9.9', '10.4.0.2', '127.0.0.1']],
  ['ip6tables', ['2001:db8::3', '2001:db8::4']],
])('%s -L prints names', (tool, addresses) => {
  for (const address of addresses) run(namespace, `${tool}-legacy -A INPUT -s ${address} -j ACCEPT`)
  const ours = ask(`${command} ${tool} -L`)
  expect(ours).toEqual(ask(`${tool}-legacy -L`))
  expect(ours.stdout).toMatch(/one\.test|new\.test/)
})

const EVERY_NAME = `*filter
-A INPUT -s two.test,one.test,localhost,three.test -p tcp -m tcp --dport ssh -j ACCEPT
-A INPUT -s nowhere.invalid -j ACCEPT
-A OUTPUT -p sctp -m owner --uid-owner root --gid-owner root -j ACCEPT
-A OUTPUT -m dscp --dscp-class EF -m icmp -p icmp --icmp-type echo-request
-A INPUT -m realm --realm cosmos -m devgroup --src-group default
COMMIT
`

test('resolving names of all kinds runs no program except the one that loads modules', () => {
  writeFileSync(join(folder, 'rules'), EVERY_NAME.replace(/^.*invalid.*\n/m, ''))
  writeFileSync(join(folder, 'refused'), EVERY_NAME)
  const strace = `strace -f -qq -e trace=execve,execveat -o ${folder}/trace`
  const restored = ask(
    `${strace} -A ${command} iptables-restore ${folder}/rules; ${strace} -A ${command} iptables -L -v`,
  )
  expect(restored).toMatchObject({ status: 0, stderr: '' })
  expect(restored.stdout).toMatch(/two\.test .*:ssh\b[\s\S]*owner UID match root/)
  expect(ask(`${strace} -A ${command} iptables-restore ${folder}/refused`)).toMatchObject({ status: 2 })
  const executed = readFileSync(join(folder, 'trace'), 'utf8').match(/exec\w+\("[^"]*"/g)
  expect(executed).toEqual(Array(3).fill(`execve("${process.execPath}"`))
})

test('a server that does not answer is only awaited for a limited time, and no thread is left', () => {
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:3 attempts:1\n')
  const script = `
    require('./test/support/load-typescript.js')
    const { readdirSync } = require('node:fs')
    const { hostAddresses } = require('./src/language/hosts')
    const { wait } = Atomics
    const waits = []
    Atomics.wait = (...args) => {
      const outcome = wait(...args)
      waits.push([args[3], outcome])
      return outcome
    }
    // The resolver itself waits for three seconds.
    const answers = [['one.test'], ['silent.test', 1000], ['two.test']].map(([name, patience]) =>
      hostAddresses(name, 'ipv4', patience))
    const threads = () => readdirSync('/proc/self/task').length
    const before = threads()
    const timedOut = waits.filter(([, outcome]) => outcome === 'timed-out')
    const end = performance.now() + 20_000
    const print = () => {
      const ended = threads() < before
      if (ended || performance.now() > end) console.log(JSON.stringify({ answers, timedOut, ended }))
      else setTimeout(print, 100)
    }
    setTimeout(print, 3500)
  `
  writeFileSync(join(folder, 'script.js'), script)
  const { stdout, stderr } = ask(`cd ${process.cwd()}; ${process.execPath} -e "$(cat ${folder}/script.js)"`)
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({
    answers: [['10.1.0.1'], [], ['10.2.0.1', '10.2.0.2']],
    timedOut: [[1000, 'timed-out']],
    ended: true,
  })
})
