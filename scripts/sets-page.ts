/** The reference page of the types of sets: what each is made with, what its entries are, and an example. */

import {
  type AnyField,
  type CreateOptions,
  SET_TYPES,
  type SetEntry,
  type SetType,
  type SetTypeName,
  setType,
} from '../src/ipset/types'
import { type Shape, shapeOf } from '../src/ipset/value-shape'
import { createWords, type Entry, entryWords } from '../test/support/ipset'

const code = (text: string): string => `\`${text}\``
const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/</g, '&lt;')

/** The TypeScript type of what is written. */
function typeOf(shape: Shape): string {
  switch (shape.is) {
    case 'text':
      return 'string'
    case 'flag':
      return 'boolean'
    case 'count':
      return 'bigint | number'
    case 'number':
      return 'number'
    case 'pair':
      return '[number, number]'
    case 'range':
      return 'number | [number, number]'
    case 'named':
      return 'ProtocolName | number'
  }
}

type Fields = Readonly<Record<string, AnyField<never>>>

/** What a field is, without what every entry or every set may have. */
function rows({ since }: SetType, fields: Fields): string {
  const texts = Object.entries(fields).map(([name, field]) => {
    const notes = [field.optional ? '' : 'required', since[name] ? `since revision ${since[name]}` : '']
    return `| ${code(name)} | ${code(cell(typeOf(shapeOf(field))))} | ${cell(field.expects)} | ${notes.filter(Boolean).join('; ')} |`
  })
  return `| | TypeScript | takes | |\n| --- | --- | --- | --- |\n${texts.join('\n')}`
}

const only = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)))

/** The names that all have. */
function common(types: readonly SetType[], fieldsOf: (type: SetType) => object): string[] {
  const [first = [], ...others] = types.map((type) => Object.keys(fieldsOf(type)))
  return first.filter((name) => others.every((names) => names.includes(name)))
}

const TYPES = Object.keys(SET_TYPES).map((name) => setType(name as SetTypeName))
const COMMON_OPTIONS = common(TYPES, ({ create }) => create)
const COMMON_PARTS = common(TYPES, ({ entry }) => entry)

const literal = (value: unknown): string =>
  JSON.stringify(value, undefined, 1)
    .replace(/\n\s*/g, ' ')
    .replace(/\[ | \]/g, (bracket) => bracket.trim())
    .replace(/"(\w+)":/g, '$1:')
    .replace(/"/g, "'")

/** Of each type, what a set is made with, and an entry. */
const EXAMPLES: { readonly [T in SetTypeName]: readonly [CreateOptions<T>, Exclude<SetEntry<T>, string | number>] } = {
  'bitmap:ip': [{ range: '192.0.2.0/24' }, { ip: '192.0.2.7' }],
  'bitmap:ip,mac': [{ range: '192.0.2.0/24' }, { ip: '192.0.2.7', mac: '00:11:22:aa:bb:cc' }],
  'bitmap:port': [{ range: [1, 1024] }, { port: [80, 88] }],
  'hash:ip': [{ timeout: 300 }, { ip: '192.0.2.7', timeout: 60 }],
  'hash:mac': [{}, { mac: '00:11:22:aa:bb:cc' }],
  'hash:ip,mac': [{}, { ip: '192.0.2.7', mac: '00:11:22:aa:bb:cc' }],
  'hash:net': [{ comment: true }, { net: '198.51.100.0/24', comment: 'scanner' }],
  'hash:net,net': [{}, { net: '10.0.0.0/8', net2: '192.0.2.0/24' }],
  'hash:ip,port': [{ counters: true }, { ip: '192.0.2.7', protocol: 'tcp', port: 443 }],
  'hash:net,port': [{}, { net: '10.0.0.0/8', protocol: 'udp', port: [5000, 5009] }],
  'hash:ip,port,ip': [{ family: 'ipv6' }, { ip: '2001:db8::7', protocol: 'tcp', port: 22, ip2: '2001:db8::8' }],
  'hash:ip,port,net': [{}, { ip: '192.0.2.7', protocol: 'tcp', port: 22, net2: '10.0.0.0/8', nomatch: true }],
  'hash:net,port,net': [{}, { net: '10.0.0.0/8', protocol: 'tcp', port: 22, net2: '192.0.2.0/24' }],
  'hash:net,iface': [{}, { net: '10.0.0.0/8', iface: 'eth0' }],
  'hash:ip,mark': [{ markmask: 0xff00 }, { ip: '192.0.2.7', mark: 0x1200 }],
  'list:set': [{ size: 16 }, { set: 'one' }],
}

function exampleOf({ name }: SetType): string {
  const [options, entry] = EXAMPLES[name]
  const words = [name, ...createWords(options as Entry)].join(' ')
  const more = Object.keys(options).length === 0 ? '' : `, ${literal(options)}`
  return [
    `\`\`\`sh\nipset create example ${words}\nipset add example ${entryWords(entry as Entry).join(' ')}\n\`\`\``,
    `\`\`\`ts\nIpSet.create('example', '${name}'${more}).add(${literal(entry)})\n\`\`\``,
  ].join('\n\n')
}

function section(type: SetType): string {
  const { name, families, revisions, create, entry, since } = type
  const own = (fields: Fields, shared: readonly string[]): Fields =>
    only(
      fields,
      Object.keys(fields).filter((one) => !shared.includes(one)),
    )
  const options = own(create as unknown as Fields, COMMON_OPTIONS)
  const shared = COMMON_OPTIONS.filter((one) => since[one]).map((one) => `${code(one)} since revision ${since[one]}`)
  const of = families[0] === 'any' ? 'Of no family.' : `Of family ${families.map(code).join(' and ')}.`
  return [
    `### ${name}`,
    `${of} Revisions ${revisions.join(' to ')}${shared.length === 0 ? '' : `; ${shared.join(', ')}`}.`,
    'An entry:',
    rows(type, own(entry as unknown as Fields, COMMON_PARTS)),
    ...(Object.keys(options).length === 0 ? [] : ['Made with:', rows(type, options)]),
    exampleOf(type),
  ].join('\n\n')
}

const any = { ...setType('hash:ip'), since: {} }

const LIMITS = `
- \`since\` is as ipset(8) tells it. The oldest that a kernel was asked about are those of Linux 6.1: \`hash:ip\` 5, \`hash:ip,port\` 6,
  \`hash:net,net\` 3, and of each other type the newest.
- A process that ends while \`replaceContents\` is at work leaves the set behind that it fills: the name, \`~\` and a number.
- \`addAsync\` has the kernel work off the main thread; messages are made on it, some 2,500 entries at a time. \`list\` reads on
  it, too: iterate over a large set (\`for await\`), which has turns of the event loop between parts.
- The command prints \`list -o json\` in the shape of later versions of ipset, which it was not compared with. Entries at
  one address are listed by \`-s\` in an order of its own.
- The in-process kernel tells no \`memorySize\` and does not make a hash larger; by \`forceadd\` a full set gives up its oldest
  entry, where Linux gives up any. A range of more than 262,144 entries is refused; \`applySets\` leaves that to Linux to say,
  \`diffSets\` does not take it. Of several faults at once it may tell another than Linux.
- Of the sets of a capture, names and families are known: they are there as empty sets of type \`hash:ip\`, or \`list:set\`.
`.trim()

/** The whole page. */
export const setsPage = (): string =>
  `${[
    '# Types of sets',
    'Made from `src/ipset/types.ts` by `npm run docs`. `IpSet.create(name, type, options)` makes a set, `add`, `remove` and ' +
      '`test` take entries. Where an entry has one part that it needs, that may stand for it: `set.add("10.0.0.1")`.',
    '## What any set may be made with',
    rows(any, only(any.create as unknown as Fields, COMMON_OPTIONS)),
    '## What any entry may have',
    'As far as its set was made with it.',
    rows(any, only(any.entry as unknown as Fields, COMMON_PARTS)),
    '## The types',
    ...TYPES.map(section),
    '## Known limits',
    LIMITS,
  ].join('\n\n')}\n`
