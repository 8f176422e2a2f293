/** Compares `xtables ipset` with ipset on the type revisions of Linux 6.1. The output of ipset was recorded there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IpSet } from '../../src/ipset/ip-set'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { ipset } from '../support/memory-ipset'
import { deviations } from './deviations'

/** All other types have their newest revision. */
const REVISIONS = { 'hash:ip': 5, 'hash:ip,port': 6, 'hash:net,net': 3 } as const

interface Said {
  readonly line: string
  readonly text: string
  readonly status: number
}

const transcript: readonly Said[] = readFileSync(join(__dirname, '../../fixtures/ipset-6.1.txt'), 'utf8')
  .split(/^> /m)
  .slice(1)
  .map((part) => {
    const [, line = '', text = '', status] = /^([^\n]*)\n(.*)= (\d+)\n$/s.exec(part) ?? []
    return { line, text, status: Number(status) }
  })

/** Without random values, what the tool does not print, and the order of hashes. */
const comparable = (text: string): string[] =>
  text
    .replace(/ initval 0x(?!0{7}5)[\da-f]{8}/g, '')
    .replace(/ forceadd/g, '')
    .split('\n')
    .sort()

test('the answers to all lines of the transcript are those of the tool', () => {
  const kernel = new MemoryKernel({ setRevisions: REVISIONS })
  const different: object[] = []
  let behind = 0
  for (const { line, text, status } of transcript) {
    if (deviations.some(({ lines, what }) => what.includes('status') && lines.test(line))) continue
    const { stdout, stderr, status: ours } = ipset(kernel, line.split(' '))
    if (text.includes('Your kernel is behind')) behind++
    if (ours !== status || comparable(stdout + stderr).join() !== comparable(text).join())
      different.push({ line, ours: [ours, stdout + stderr], tool: [status, text] })
  }
  expect(different).toEqual([])
  expect(transcript).toHaveLength(416)
  expect(behind).toBe(58)
})

test('an entry option is refused if the set has an older revision', () => {
  const kernel = new MemoryKernel({ setRevisions: { 'hash:net,iface': 6 } })
  expect(ipset(kernel, ['create', 's', 'hash:net,iface']).status).toBe(0)
  expect(IpSet.open('s', { kernel }).revision).toBe(6)
  expect(ipset(kernel, ['add', 's', '10.0.0.0/8,eth0', 'wildcard', 'foo'])).toEqual({
    status: 2,
    stdout: '',
    stderr:
      "ipset v7.17: Argument `wildcard' is supported in the kernel module of the set type hash:net,iface starting from " +
      'the revision 7 and you have installed revision 6 only. Your kernel is behind your ipset utility.\n' +
      "Try `ipset help' for more information.\n",
  })
})

test('a text that creates many sets asks for the revision of a type once', () => {
  const kernel = new MemoryKernel()
  const asked = jest.spyOn(kernel, 'netlink')
  const text = (count: number): string =>
    Array.from({ length: count }, (_, i) => `create ${count}-${i} hash:ip\n`).join('')
  const socketsFor = (count: number): number => {
    asked.mockClear()
    expect(ipset(kernel, ['restore'], text(count)).status).toBe(0)
    return asked.mock.calls.length
  }
  expect(socketsFor(5) - socketsFor(1)).toBe(4)
})

test.each([{ 'hash:ip': 7 }, { 'hash:ip': 1.5 }, { 'hash:ip': '5' }, { foo: 1 }, 5, { 'hash:ip': -1 }])(
  'a kernel cannot have the revisions %j',
  (setRevisions) => {
    expect(() => new MemoryKernel({ setRevisions } as never)).toThrow(
      /setRevisions takes a revision of each type of sets/,
    )
  },
)
