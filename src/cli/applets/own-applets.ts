/** The applets that iptables has no equivalent of. */
import type { Applet, AppletOptions } from './applet'

const IPV6 = { ipv6: { type: 'boolean', short: '6', summary: 'tables of IPv6' } } as const
const JSON_OUT = { json: { type: 'boolean', summary: 'print JSON' } } as const

/** Which tables are looked at. */
const TABLES = {
  table: {
    type: 'string',
    short: 't',
    multiple: true,
    takes: 'TABLE',
    values: 'table',
    summary: 'this table; repeatable',
  },
  ipv4: { type: 'boolean', short: '4', summary: 'tables of IPv4 alone' },
  ipv6: { type: 'boolean', short: '6', summary: 'tables of IPv6 alone' },
} as const

/** Which rules are one's own. */
const CHAINS = {
  chain: { type: 'string', multiple: true, takes: 'NAME', values: 'chain', summary: 'this chain; repeatable' },
  prefix: { type: 'string', takes: 'NAME', summary: 'all chains whose names begin so' },
} as const

const DELAY = { type: 'string', short: 'd', default: '1', takes: 'SECONDS' } as const
const FILE = { name: 'FILE', values: 'file' } as const
const FILE_OR_INPUT = { ...FILE, isOptional: true } as const
const DIRECTORY = { name: 'DIRECTORY', values: 'directory' } as const
const FROM_INPUT = 'Without FILE, or with -, it reads standard input.'

export const CAPTURE = {
  name: 'capture',
  summary: 'print the bytes of a table as JSON',
  options: IPV6,
  operands: [{ name: 'TABLE', values: 'table' }],
} as const satisfies Applet

export const SHOW = {
  name: 'show',
  summary: 'print the tables of a file of captures as text',
  options: {},
  operands: [FILE],
} as const satisfies Applet

export const DUMP = {
  name: 'dump',
  summary: 'print rules as dictionaries',
  options: {
    json: { type: 'boolean', summary: 'the only form there is; it has to be given' },
    ...IPV6,
    sets: { type: 'boolean', summary: 'all tables, with the ipsets that their rules may refer to' },
  },
  operands: [{ name: 'TABLE', values: 'table', isOptional: true }],
} as const satisfies Applet

/** Which chains `plan` and `apply` are about. */
const OWNED = {
  tables: { type: 'boolean', summary: 'all chains of the tables that FILE names are yours' },
  ...CHAINS,
  ...IPV6,
  jumps: {
    type: 'string',
    multiple: true,
    takes: 'CHAIN=first|last|before:RULE|after:RULE',
    summary: 'where jumps from CHAIN to your chains stand; repeatable',
  },
} as const satisfies AppletOptions

const OWNED_NOTE = 'Which chains are yours is said by one of --tables, --chain and --prefix.'

export const PLAN = {
  name: 'plan',
  summary: 'print what has to be done so that chains are as a text or a dump says',
  options: { ...OWNED, ...JSON_OUT },
  operands: [FILE_OR_INPUT],
  notes: [OWNED_NOTE, FROM_INPUT],
} as const satisfies Applet

export const APPLY = {
  name: 'apply',
  summary: 'make chains what a text or a dump says',
  options: {
    ...OWNED,
    confirm: { type: 'string', takes: 'SECONDS', summary: 'take it back unless it is confirmed by then' },
    json: {
      type: 'boolean',
      summary:
        'FILE is a dump, and its whole tables become what it says; policies stay. Of the other options, it goes with -6',
    },
  },
  operands: [FILE_OR_INPUT],
  notes: [OWNED_NOTE, FROM_INPUT],
  statuses: {
    1: 'it cannot be done, or it was taken back as nobody confirmed it',
    4: 'the xtables lock is held, or another program changed the tables meanwhile; nothing was done, and it can be tried again',
  },
} as const satisfies Applet

/** `apply --json`, which takes a dump. */
export const APPLY_DUMP = {
  name: 'apply',
  summary: 'make tables what a dump says',
  options: { json: { type: 'boolean', summary: 'the file is a dump' }, ...IPV6 },
  operands: [FILE_OR_INPUT],
} as const satisfies Applet

export const CONFIRM = {
  name: 'confirm',
  summary: 'keep what was applied with --confirm',
  options: {},
  operands: [DIRECTORY],
} as const satisfies Applet

export const ROLLBACK = {
  name: 'rollback',
  summary: 'take back at once what was applied with --confirm',
  options: {},
  operands: [DIRECTORY],
} as const satisfies Applet

/** The word by which `apply --confirm` starts the process that takes the change back. */
export const HOLD_CHANGE = {
  name: 'hold-change',
  summary: 'wait, and take a change back',
  options: {},
  operands: [DIRECTORY],
  isHidden: true,
} as const satisfies Applet

const NUMBER = { type: 'string', takes: 'NUMBER' } as const

export const TRACE = {
  name: 'trace',
  summary: 'print which rules a packet would meet, and what becomes of it',
  options: {
    ipv6: { type: 'boolean', short: '6', summary: 'a packet of IPv6' },
    protocol: { type: 'string', short: 'p', takes: 'PROTOCOL', values: 'protocol', summary: 'its protocol' },
    source: { type: 'string', short: 's', takes: 'ADDRESS', summary: 'its source address' },
    destination: { type: 'string', short: 'd', takes: 'ADDRESS', summary: 'its destination address' },
    sport: { ...NUMBER, summary: 'its source port' },
    dport: { ...NUMBER, summary: 'its destination port' },
    'tcp-flags': { type: 'string', takes: 'FLAGS', summary: 'the flags of TCP that are set, with commas' },
    syn: { type: 'boolean', summary: 'as --tcp-flags SYN' },
    'icmp-type': { type: 'string', takes: 'TYPE[/CODE]', summary: 'its type of ICMP' },
    'in-interface': { type: 'string', short: 'i', takes: 'NAME', values: 'interface', summary: 'where it comes in' },
    'out-interface': { type: 'string', short: 'o', takes: 'NAME', values: 'interface', summary: 'where it goes out' },
    way: {
      type: 'string',
      takes: 'input|forward|output',
      values: ['input', 'forward', 'output'],
      summary: 'which way it takes through the machine',
    },
    state: {
      type: 'string',
      takes: 'STATE',
      values: ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'],
      summary: 'the state of its connection',
    },
    mark: { ...NUMBER, summary: 'its mark' },
    'connection-mark': { ...NUMBER, summary: 'the mark of its connection' },
    length: { ...NUMBER, summary: 'its length in bytes' },
    ttl: { ...NUMBER, summary: 'its time to live, or hop limit' },
    tos: { ...NUMBER, summary: 'its type of service' },
    fragment: { type: 'boolean', short: 'f', summary: 'a second or further fragment' },
    'uid-owner': { ...NUMBER, summary: 'the user who sends it' },
    'gid-owner': { ...NUMBER, summary: 'the group that sends it' },
    'pkt-type': {
      type: 'string',
      takes: 'unicast|broadcast|multicast',
      values: ['unicast', 'broadcast', 'multicast'],
      summary: 'its kind in the link layer',
    },
    'mac-source': { type: 'string', takes: 'ADDRESS', summary: 'its source address in the link layer' },
    bytes: { type: 'string', takes: 'HEX', summary: 'the packet itself' },
    all: { type: 'boolean', short: 'a', summary: 'also the rules that it fails, and why' },
    ...JSON_OUT,
  },
  operands: [FILE_OR_INPUT],
  notes: ['FILE is a text of iptables-save, - standard input; without it, the tables are those that there are.'],
} as const satisfies Applet

const NO_SESSION = { type: 'boolean', summary: 'do not look whether SSH_CONNECTION would be cut off' } as const

export const LINT = {
  name: 'lint',
  summary: 'print what is wrong in tables, or of no use',
  options: {
    ipv6: { type: 'boolean', short: '6', summary: 'FILE is of IPv6; without FILE, the tables of IPv6 alone' },
    'no-session': NO_SESSION,
    ...JSON_OUT,
  },
  operands: [FILE_OR_INPUT, { name: 'FILE6', values: 'file', isOptional: true }],
  notes: [
    'FILE is a text of iptables-save, FILE6 one of the other family; without them, the tables are those that there are.',
  ],
  statuses: { 0: 'nothing was found', 1: 'something was found, or it cannot be done' },
} as const satisfies Applet

export const LIST = {
  name: 'list',
  summary: 'print what tables hold, with counters',
  options: { ...TABLES, tree: { type: 'boolean', summary: 'jumps as a tree' }, ...JSON_OUT },
  operands: [],
} as const satisfies Applet

export const GRAPH_FORMATS = ['mermaid', 'dot', 'svg'] as const

export const GRAPH = {
  name: 'graph',
  summary: 'print chains and jumps as a graph',
  options: {
    ...TABLES,
    format: {
      type: 'string',
      takes: GRAPH_FORMATS.join('|') as string,
      values: GRAPH_FORMATS,
      summary: 'the language of the graph, mermaid unless said',
    },
    ...JSON_OUT,
  },
  operands: [],
} as const satisfies Applet

export const TOP = {
  name: 'top',
  summary: 'show which rules packets meet now; q ends it',
  options: {
    ...TABLES,
    delay: { ...DELAY, summary: 'the time between two readings, 1 unless said' },
    count: { type: 'string', short: 'n', takes: 'COUNT', summary: 'end after so many' },
    json: { type: 'boolean', summary: 'print a line of JSON each' },
  },
  operands: [],
} as const satisfies Applet

export const METRICS = {
  name: 'metrics',
  summary: 'print counters of rules with comments as OpenMetrics, or serve them',
  options: {
    ...TABLES,
    chain: { ...CHAINS.chain, summary: 'all rules of this chain; repeatable' },
    prefix: { ...CHAINS.prefix, summary: 'all rules of chains whose names begin so' },
    listen: { type: 'string', takes: '[HOST:]PORT', summary: 'serve them there, at /metrics' },
  },
  operands: [],
} as const satisfies Applet

export const UI = {
  name: 'ui',
  summary: 'serve all of this as a page for a browser on this machine, and print its address',
  options: {
    port: { type: 'string', default: '0', takes: 'PORT', summary: 'any that is free unless said' },
    delay: { ...DELAY, summary: 'the time between two readings, 1 unless said' },
    'allow-apply': { type: 'boolean', summary: 'the page may apply plans' },
    'no-session': NO_SESSION,
  },
  operands: [],
} as const satisfies Applet

export const MONITOR = {
  name: 'monitor',
  summary: 'print changes of nf_tables as they are made',
  options: {
    event: { type: 'boolean', short: 'e', summary: 'changes, also beside --trace' },
    trace: { type: 'boolean', short: 't', summary: 'packets that TRACE marks' },
    ipv4: { type: 'boolean', short: '4', summary: 'of IPv4 alone' },
    ipv6: { type: 'boolean', short: '6', summary: 'of IPv6 alone' },
    family: { type: 'string', takes: 'ipv4|ipv6', values: ['ipv4', 'ipv6'], summary: 'as -4 or -6' },
    count: { type: 'string', takes: 'COUNT', summary: 'end after so many lines' },
    json: { type: 'boolean', summary: 'print a line of JSON each' },
  },
  operands: [{ name: 'TABLE', values: 'table', isOptional: true }],
} as const satisfies Applet

const SIDES = ['legacy', 'nft'] as const

export const MIGRATE = {
  name: 'migrate',
  summary: 'move tables to the other packet filter',
  options: {
    'dry-run': { type: 'boolean', summary: 'print what would be done' },
    replace: { type: 'boolean', summary: 'also where the other has rules' },
    clear: { type: 'boolean', summary: 'clear what was moved where it was' },
    ...TABLES,
    ...JSON_OUT,
  },
  operands: [
    { name: 'FROM', values: SIDES },
    { name: 'TO', values: SIDES },
  ],
  notes: ['FROM and TO are legacy and nft, one each.'],
  statuses: { 1: 'a table cannot be moved' },
} as const satisfies Applet

export const BATCH = {
  name: 'batch',
  summary: 'carry out commands from standard input, one a line, and print the exit status of each',
  options: {},
  operands: [],
  statuses: { 0: 'every command ended with 0', 1: 'one did not' },
} as const satisfies Applet

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export const COMPLETION = {
  name: 'completion',
  summary: 'print a script by which a shell completes xtables',
  options: {},
  operands: [
    { name: SHELLS.join('|') as string, values: SHELLS },
    { name: 'TOOL', values: 'applet', isOptional: true, isRepeated: true },
  ],
  notes: [
    'With TOOLs, such as iptables, the shell also completes these names: symbolic links to xtables. Unless they are given, what ' +
      'another package completes them by stays.',
  ],
} as const satisfies Applet

/** What those scripts call. */
export const COMPLETE = {
  name: 'complete',
  summary: 'print what the last word may become',
  options: {},
  operands: [{ name: 'WORD', isOptional: true, isRepeated: true }],
  isHidden: true,
} as const satisfies Applet

export const HELP = {
  name: 'help',
  summary: 'print what there is, or of an applet, match or target, its options',
  options: {},
  operands: [{ name: 'APPLET|MATCH|TARGET', values: 'extension or applet', isOptional: true }],
} as const satisfies Applet

/** In the order in which they are told of. */
const ALL = [
  ...[LIST, GRAPH, TOP, UI, MONITOR, METRICS],
  ...[PLAN, APPLY, CONFIRM, ROLLBACK, HOLD_CHANGE, TRACE, LINT, MIGRATE],
  ...[CAPTURE, SHOW, DUMP, BATCH, COMPLETION, COMPLETE, HELP],
] as const

export type OwnName = (typeof ALL)[number]['name']

export const OWN: ReadonlyMap<string, Applet> = new Map(ALL.map((applet) => [applet.name, applet]))
