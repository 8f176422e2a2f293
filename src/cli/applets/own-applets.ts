/** Our own applets, which have no equivalent in iptables. */
import type { Applet, AppletOptions } from './applet'

const IPV6 = { ipv6: { type: 'boolean', short: '6', summary: 'use the IPv6 tables' } } as const
const JSON_OUT = { json: { type: 'boolean', summary: 'print JSON' } } as const

/** Select the tables to show. */
const TABLES = {
  table: {
    type: 'string',
    short: 't',
    multiple: true,
    takes: 'TABLE',
    values: 'table',
    summary: 'only this table; may be repeated',
  },
  ipv4: { type: 'boolean', short: '4', summary: 'only IPv4 tables' },
  ipv6: { type: 'boolean', short: '6', summary: 'only IPv6 tables' },
} as const

/** Select chains by name. */
const CHAINS = {
  chain: {
    type: 'string',
    multiple: true,
    takes: 'NAME',
    values: 'chain',
    summary: 'you own this chain; may be repeated',
  },
  prefix: { type: 'string', takes: 'NAME', summary: 'you own all user-defined chains whose names start with NAME' },
} as const

const DELAY = { type: 'string', short: 'd', default: '1', takes: 'SECONDS' } as const
const FILE = { name: 'FILE', values: 'file' } as const
const FILE_OR_INPUT = { ...FILE, isOptional: true } as const
const DIRECTORY = { name: 'DIRECTORY', values: 'directory' } as const
const FROM_INPUT = 'Without FILE, or if FILE is -, standard input is read.'

export const CAPTURE = {
  name: 'capture',
  summary: 'print a table as JSON, exactly as the kernel returns it',
  options: IPV6,
  operands: [{ name: 'TABLE', values: 'table' }],
} as const satisfies Applet

export const SHOW = {
  name: 'show',
  summary: 'print captured tables in the format of iptables-save -c',
  options: {},
  operands: [FILE],
} as const satisfies Applet

export const DUMP = {
  name: 'dump',
  summary: 'print rules as dictionaries',
  options: {
    json: { type: 'boolean', summary: 'print JSON; required, as it is the only format' },
    ...IPV6,
    sets: { type: 'boolean', summary: 'include ipsets; only without TABLE' },
  },
  operands: [{ name: 'TABLE', values: 'table', isOptional: true }],
} as const satisfies Applet

/** Options of `plan` and `apply`. */
const OWNED = {
  tables: { type: 'boolean', summary: 'you own all chains of the tables in FILE' },
  ...CHAINS,
  ...IPV6,
  jumps: {
    type: 'string',
    multiple: true,
    takes: 'CHAIN=first|last|before:RULE|after:RULE',
    summary: 'the position in CHAIN of the jumps to chains that you own; may be repeated',
  },
} as const satisfies AppletOptions

const OWNED_NOTE =
  'FILE is text in the format of iptables-save, or a dump in JSON. One of --tables, --chain and --prefix says which chains you ' +
  'own. Other chains are not changed, except for their jumps to your chains.'

export const PLAN = {
  name: 'plan',
  summary: 'print the changes that bring your chains to the state in a file',
  options: { ...OWNED, ...JSON_OUT },
  operands: [FILE_OR_INPUT],
  notes: [OWNED_NOTE, FROM_INPUT],
} as const satisfies Applet

export const APPLY = {
  name: 'apply',
  summary: 'bring your chains to the state in a file',
  options: {
    ...OWNED,
    confirm: { type: 'string', takes: 'SECONDS', summary: 'roll the change back unless it is confirmed in time' },
    json: {
      type: 'boolean',
      summary:
        'FILE is a dump, and its tables are replaced entirely, except for policies; can only be combined with -6',
    },
  },
  operands: [FILE_OR_INPUT],
  notes: [OWNED_NOTE, FROM_INPUT],
  statuses: {
    1: 'failure, or the change was rolled back because it was not confirmed',
    4: 'another program holds the xtables lock, or has changed the tables in the meantime (nothing was done; try again)',
  },
} as const satisfies Applet

/** `apply --json`, which reads a dump. */
export const APPLY_DUMP = {
  name: 'apply',
  summary: 'replace tables with those of a dump',
  options: { json: { type: 'boolean', summary: 'FILE is a dump' }, ...IPV6 },
  operands: [FILE_OR_INPUT],
} as const satisfies Applet

export const CONFIRM = {
  name: 'confirm',
  summary: 'keep a change that was made with apply --confirm',
  options: {},
  operands: [DIRECTORY],
} as const satisfies Applet

export const ROLLBACK = {
  name: 'rollback',
  summary: 'roll back a change that was made with apply --confirm, without waiting',
  options: {},
  operands: [DIRECTORY],
} as const satisfies Applet

/** The background process of `apply --confirm`, which rolls the change back. */
export const HOLD_CHANGE = {
  name: 'hold-change',
  summary: 'wait, then roll a change back unless it was confirmed',
  options: {},
  operands: [DIRECTORY],
  isHidden: true,
} as const satisfies Applet

const NUMBER = { type: 'string', takes: 'NUMBER' } as const

export const TRACE = {
  name: 'trace',
  summary: 'print the path of a packet through the rules, and its verdict',
  options: {
    ipv6: { type: 'boolean', short: '6', summary: 'an IPv6 packet' },
    protocol: {
      type: 'string',
      short: 'p',
      takes: 'PROTOCOL',
      values: 'protocol',
      summary: 'protocol, by name or number',
    },
    source: { type: 'string', short: 's', takes: 'ADDRESS', summary: 'source address' },
    destination: { type: 'string', short: 'd', takes: 'ADDRESS', summary: 'destination address' },
    sport: { ...NUMBER, summary: 'source port' },
    dport: { ...NUMBER, summary: 'destination port' },
    'tcp-flags': { type: 'string', takes: 'FLAGS', summary: 'TCP flags that are set, separated by commas' },
    syn: { type: 'boolean', summary: 'same as --tcp-flags SYN' },
    'icmp-type': { type: 'string', takes: 'TYPE[/CODE]', summary: 'ICMP type and code' },
    'in-interface': { type: 'string', short: 'i', takes: 'NAME', values: 'interface', summary: 'input interface' },
    'out-interface': { type: 'string', short: 'o', takes: 'NAME', values: 'interface', summary: 'output interface' },
    way: {
      type: 'string',
      takes: 'input|forward|output',
      values: ['input', 'forward', 'output'],
      summary: 'its path: to a local process, through this host, or from a local process',
    },
    state: {
      type: 'string',
      takes: 'STATE',
      values: ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'],
      summary: 'connection tracking state',
    },
    mark: { ...NUMBER, summary: 'packet mark' },
    'connection-mark': { ...NUMBER, summary: 'connection mark' },
    length: { ...NUMBER, summary: 'length in bytes, including headers' },
    ttl: { ...NUMBER, summary: 'time to live, or hop limit (IPv6)' },
    tos: { ...NUMBER, summary: 'type of service, or traffic class (IPv6)' },
    fragment: { type: 'boolean', short: 'f', summary: 'second or later fragment' },
    'uid-owner': { ...NUMBER, summary: 'user id of the sending process' },
    'gid-owner': { ...NUMBER, summary: 'group id of the sending process' },
    'pkt-type': {
      type: 'string',
      takes: 'unicast|broadcast|multicast',
      values: ['unicast', 'broadcast', 'multicast'],
      summary: 'packet type of the link layer',
    },
    'mac-source': { type: 'string', takes: 'ADDRESS', summary: 'source MAC address' },
    bytes: { type: 'string', takes: 'HEX', summary: 'the packet as hexadecimal digits' },
    all: { type: 'boolean', short: 'a', summary: 'also print the rules that do not match, and why' },
    ...JSON_OUT,
  },
  operands: [FILE_OR_INPUT],
  notes: [
    'The options describe the packet. FILE is text in the format of iptables-save, or - for standard input. Without FILE, the ' +
      'tables of the kernel are used.',
  ],
} as const satisfies Applet

const NO_SESSION = {
  type: 'boolean',
  summary: 'do not check whether the rules would cut off the SSH session in SSH_CONNECTION',
} as const

export const LINT = {
  name: 'lint',
  summary: 'find mistakes in tables, such as rules that no packet can reach',
  options: {
    ipv6: { type: 'boolean', short: '6', summary: 'FILE contains IPv6 tables; without FILE: only the IPv6 tables' },
    'no-session': NO_SESSION,
    ...JSON_OUT,
  },
  operands: [FILE_OR_INPUT, { name: 'FILE6', values: 'file', isOptional: true }],
  notes: [
    'FILE is text in the format of iptables-save, and FILE6 in that of ip6tables-save (with -6 the other way round). Without ' +
      'files, the tables of the kernel are checked.',
  ],
  statuses: { 0: 'no findings', 1: 'there are findings, or failure' },
} as const satisfies Applet

export const LIST = {
  name: 'list',
  summary: 'print chains and rules with their counters',
  options: { ...TABLES, tree: { type: 'boolean', summary: 'print chains as a tree of jumps' }, ...JSON_OUT },
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
      summary: 'output format (default: mermaid)',
    },
    ...JSON_OUT,
  },
  operands: [],
} as const satisfies Applet

export const TOP = {
  name: 'top',
  summary: 'show the rules that match packets now, with their rates; q quits',
  options: {
    ...TABLES,
    delay: { ...DELAY, summary: 'time between updates (default: 1)' },
    count: { type: 'string', short: 'n', takes: 'COUNT', summary: 'exit after COUNT updates' },
    json: { type: 'boolean', summary: 'print each update as a line of JSON' },
  },
  operands: [],
} as const satisfies Applet

export const METRICS = {
  name: 'metrics',
  summary: 'print the counters of rules with comments as OpenMetrics, or serve them over HTTP',
  options: {
    ...TABLES,
    chain: { ...CHAINS.chain, summary: 'include the rules of this chain that have no comment; may be repeated' },
    prefix: { ...CHAINS.prefix, summary: 'the same for all chains whose names start with NAME' },
    listen: { type: 'string', takes: '[HOST:]PORT', summary: 'serve the metrics at /metrics on this address' },
  },
  operands: [],
} as const satisfies Applet

export const UI = {
  name: 'ui',
  summary: 'serve a web page for a browser on this machine, and print its address',
  options: {
    port: { type: 'string', default: '0', takes: 'PORT', summary: 'TCP port (default: a free one)' },
    delay: { ...DELAY, summary: 'time between updates (default: 1)' },
    'allow-apply': { type: 'boolean', summary: 'allow the page to apply plans' },
    'no-session': NO_SESSION,
  },
  operands: [],
} as const satisfies Applet

export const MONITOR = {
  name: 'monitor',
  summary: 'print changes of nf_tables, and traced packets, as they happen',
  options: {
    event: { type: 'boolean', short: 'e', summary: 'print changes (the default without --trace)' },
    trace: { type: 'boolean', short: 't', summary: 'print the rules that packets marked by TRACE traverse' },
    ipv4: { type: 'boolean', short: '4', summary: 'only IPv4' },
    ipv6: { type: 'boolean', short: '6', summary: 'only IPv6' },
    family: { type: 'string', takes: 'ipv4|ipv6', values: ['ipv4', 'ipv6'], summary: 'same as -4 or -6' },
    count: { type: 'string', takes: 'COUNT', summary: 'exit after COUNT lines' },
    json: { type: 'boolean', summary: 'print each event as a line of JSON' },
  },
  operands: [{ name: 'TABLE', values: 'table', isOptional: true }],
} as const satisfies Applet

const SIDES = ['legacy', 'nft'] as const

export const MIGRATE = {
  name: 'migrate',
  summary: 'move tables from ip_tables to nf_tables, or back',
  options: {
    'dry-run': { type: 'boolean', summary: 'only print what would be done' },
    replace: { type: 'boolean', summary: 'replace existing rules in TO' },
    clear: { type: 'boolean', summary: 'clear the tables in FROM after they were moved' },
    ...TABLES,
    ...JSON_OUT,
  },
  operands: [
    { name: 'FROM', values: SIDES },
    { name: 'TO', values: SIDES },
  ],
  notes: ['FROM and TO are legacy and nft, or nft and legacy.'],
  statuses: { 1: 'a table cannot be moved' },
} as const satisfies Applet

export const BATCH = {
  name: 'batch',
  summary: 'run commands from standard input, one per line, and print the exit status of each',
  options: {},
  operands: [],
  statuses: { 0: 'every command exited with 0', 1: 'at least one command failed' },
} as const satisfies Applet

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export const COMPLETION = {
  name: 'completion',
  summary: 'print a completion script for a shell',
  options: {},
  operands: [
    { name: SHELLS.join('|') as string, values: SHELLS, noun: 'shell' },
    { name: 'TOOL', values: 'applet', isOptional: true, isRepeated: true },
  ],
  notes: [
    'The script completes xtables. With TOOLs, such as iptables, it also completes these names, which must be symbolic links to ' +
      'xtables; this replaces completions from other packages.',
  ],
} as const satisfies Applet

/** Called by the completion scripts. */
export const COMPLETE = {
  name: 'complete',
  summary: 'print candidates for the last word',
  options: {},
  operands: [{ name: 'WORD', isOptional: true, isRepeated: true }],
  isHidden: true,
} as const satisfies Applet

export const HELP = {
  name: 'help',
  summary: 'list the applets, or print the options of an applet, match or target',
  options: {},
  operands: [{ name: 'APPLET|MATCH|TARGET', values: 'extension or applet', isOptional: true }],
} as const satisfies Applet

/** In the order of help and docs. */
const ALL = [
  ...[LIST, GRAPH, TOP, UI, MONITOR, METRICS],
  ...[PLAN, APPLY, CONFIRM, ROLLBACK, HOLD_CHANGE, TRACE, LINT, MIGRATE],
  ...[CAPTURE, SHOW, DUMP, BATCH, COMPLETION, COMPLETE, HELP],
] as const

export type OwnName = (typeof ALL)[number]['name']

export const OWN: ReadonlyMap<string, Applet> = new Map(ALL.map((applet) => [applet.name, applet]))
