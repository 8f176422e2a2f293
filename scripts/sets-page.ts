/** Writes the reference page of set types: options, entry fields and an example of each. */

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

/** The TypeScript type of a value that you pass. */
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

/** A table of fields. */
function rows({ since }: SetType, fields: Fields): string {
  const texts = Object.entries(fields).map(([name, field]) => {
    const notes = [field.optional ? '' : 'required', since[name] ? `since revision ${since[name]}` : '']
    return `| ${code(name)} | ${code(cell(typeOf(shapeOf(field))))} | ${cell(field.expects)} | ${notes.filter(Boolean).join('; ')} |`
  })
  return `| | TypeScript | takes | |\n| --- | --- | --- | --- |\n${texts.join('\n')}`
}

const only = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)))

/** The names that all types share. */
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

/** For each type, the options of a set and an entry. */
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
  const of =
    families[0] === 'any'
      ? 'No address family.'
      : `${families.length === 1 ? 'Family' : 'Families'}: ${families.map(code).join(' and ')}.`
  return [
    `### ${name}`,
    `${of} Revisions ${revisions.join(' to ')}${shared.length === 0 ? '' : `; ${shared.join(', ')}`}.`,
    'Entry fields:',
    rows(type, own(entry as unknown as Fields, COMMON_PARTS)),
    ...(Object.keys(options).length === 0 ? [] : ['Options:', rows(type, options)]),
    exampleOf(type),
  ].join('\n\n')
}

const any = { ...setType('hash:ip'), since: {} }

const LIMITS = `
- \`since\` is as in ipset(8). The oldest revisions checked against a kernel are those of Linux 6.1: \`hash:ip\` 5,
  \`hash:ip,port\` 6, \`hash:net,net\` 3, and the newest of each other type.
- If a process ends during \`replaceContents\`, the set that it was filling remains. It is named after yours, with \`~\` and a number.
- \`addAsync\` runs the kernel's work off the main thread. It builds the messages on the main thread, about 2,500 entries at a time.
  \`list\` reads on the main thread, too. Iterate over a large set (\`for await\`), which yields to the event loop between parts.
- \`list -o json\` of the command prints the format of later ipset versions. It was not compared with them. \`-s\` lists entries with the
  same address in its own order.
- The in-process kernel reports no \`memorySize\` and does not grow hashes. With \`forceadd\`, a full set evicts its oldest entry,
  while Linux evicts any. It refuses a range of more than 262,144 entries. \`applySets\` leaves that check to Linux; \`diffSets\`
  refuses such a range. If a request has several faults, it may report a different one than Linux.
- A capture holds only the names and families of sets. They are restored as empty sets of type \`hash:ip\`, or \`list:set\`.
`.trim()

/** The whole page. */
export const setsPage = (): string =>
  `${[
    '# Set types',
    '`IpSet.create(name, type, options)` creates a set. `add`, `remove` and `test` take entries. If an entry has a single ' +
      'required field, you can pass just its value: `set.add("10.0.0.1")`.',
    '`npm run docs` generates this page from `src/ipset/types.ts`.',
    '## Options of every set',
    rows(any, only(any.create as unknown as Fields, COMMON_OPTIONS)),
    '## Fields of every entry',
    'A field needs the option of the same name (`counters` for `packets` and `bytes`, `skbinfo` for the `skb` fields).',
    rows(any, only(any.entry as unknown as Fields, COMMON_PARTS)),
    '## The types',
    ...TYPES.map(section),
    '## Known limits',
    LIMITS,
  ].join('\n\n')}\n`
