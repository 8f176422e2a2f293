/** The applets that replace the tools, with their options in getopt form. */
import type { FamilyName } from '../../abi/family'
import type { BackendName } from '../../backend/store'
import type { OptionSpec } from '../getopt'
import type { AppletOptions, Operand, ToolApplet, ToolAppletKind } from './applet'

const MODPROBE = {
  type: 'string',
  short: 'M',
  takes: 'COMMAND',
  summary: 'accepted; the kernel loads its modules itself',
} as const

export const SAVE_OPTIONS = {
  binary: { type: 'boolean', short: 'b', summary: 'accepted, and of no effect' },
  counters: { type: 'boolean', short: 'c', summary: 'with the counters of rules' },
  version: { type: 'boolean', short: 'V', summary: 'print the version' },
  // Of old: it did what is done without it.
  dump: { type: 'boolean', short: 'd', summary: 'accepted, and of no effect' },
  table: { type: 'string', short: 't', takes: 'TABLE', values: 'table', summary: 'this table, all unless said' },
  modprobe: MODPROBE,
  file: { type: 'string', short: 'f', takes: 'FILE', values: 'file', summary: 'write there' },
} as const satisfies AppletOptions

export const RESTORE_OPTIONS = {
  // The long name, which the manual page has, is none.
  binary: { type: 'boolean', short: 'b', isShortOnly: true, summary: 'accepted, and of no effect' },
  counters: { type: 'boolean', short: 'c', summary: 'set counters as the text has them' },
  verbose: { type: 'boolean', short: 'v', summary: 'print what is done' },
  version: { type: 'boolean', short: 'V', summary: 'print the version' },
  test: { type: 'boolean', short: 't', summary: 'read and check the text alone' },
  help: { type: 'boolean', short: 'h', summary: 'print the usage of the tool' },
  noflush: { type: 'boolean', short: 'n', summary: 'keep what is in the tables' },
  modprobe: MODPROBE,
  table: { type: 'string', short: 'T', takes: 'TABLE', values: 'table', summary: 'of the text, this table alone' },
  wait: {
    type: 'string',
    short: 'w',
    takes: 'SECONDS',
    isOptional: true,
    summary: 'wait so long for the xtables lock, for ever unless said',
  },
  'wait-interval': {
    type: 'string',
    short: 'W',
    takes: 'MICROSECONDS',
    isOptional: true,
    summary: 'accepted, and of no effect',
  },
} as const satisfies AppletOptions

export const XML_OPTIONS = {
  combine: { type: 'boolean', short: 'c', summary: 'rules with the same matches as one, with several actions' },
  verbose: { type: 'boolean', short: 'v', summary: 'with the lines that elements come from' },
  help: { type: 'boolean', short: 'h', summary: 'print the usage of the tool' },
} as const satisfies AppletOptions

export const RESTORE_TRANSLATE_OPTIONS = {
  help: { type: 'boolean', short: 'h', summary: 'print the usage of the tool' },
  file: { type: 'string', short: 'f', takes: 'FILE', values: 'file', summary: 'the text; it has to be given' },
  version: { type: 'boolean', short: 'V', summary: 'print the version' },
} as const satisfies AppletOptions

/** Options as getopt(3) takes them. */
export const getoptSpecs = (options: AppletOptions): readonly OptionSpec[] =>
  Object.entries(options).map(([name, { short = '', type, isOptional, isShortOnly }]) => ({
    letter: short,
    ...(!isShortOnly && { name }),
    argument: type === 'boolean' ? 'none' : isOptional ? 'follower' : 'required',
  }))

const NOT_TRANSLATED = { 1: 'it cannot be translated' }
const TEXT: Operand = { name: 'FILE', values: 'file', isOptional: true }
const FROM_INPUT = 'Without FILE, it reads standard input.'

type Told = Pick<ToolApplet, 'summary' | 'options' | 'operands' | 'notes' | 'statuses'>

const RULES: Operand = { name: 'WORD', isRepeated: true }

const TOLD: Readonly<Record<ToolAppletKind, Told>> = {
  command: {
    summary: 'carry out one command, as iptables(8) has them',
    options: {},
    operands: [RULES],
    statuses: {
      3: 'there is no such table, or, with ip_tables, you are not root',
      4: 'the xtables lock is held; or, with nf_tables, the kernel refuses it, or you are not root',
    },
  },
  save: {
    summary: 'print tables as text',
    options: SAVE_OPTIONS,
    operands: [],
    statuses: {
      1: 'it cannot be done, or the options are not understood',
      2: 'the words that say where the tables are, are not understood',
      4: 'with nf_tables, you are not root',
    },
  },
  restore: {
    summary: 'make tables what a text says',
    options: RESTORE_OPTIONS,
    operands: [TEXT],
    notes: [FROM_INPUT],
    statuses: {
      1: 'a line is refused, the text cannot be read, or the options are not understood',
      2: 'a line is not understood, or, with ip_tables, you are not root',
      4: 'the xtables lock is held; or, with nf_tables, the kernel refuses a rule, or you are not root',
    },
  },
  xml: {
    summary: 'print the text of tables as XML',
    options: XML_OPTIONS,
    operands: [TEXT],
    notes: [FROM_INPUT],
    statuses: {
      1: 'a line or the options are not understood; also with -h',
      2: 'a line lacks a part: a name, a policy, or a bracket',
    },
  },
  translate: {
    summary: 'print what is for iptables as what is for nft',
    options: {},
    operands: [RULES],
    statuses: NOT_TRANSLATED,
  },
  'restore-translate': {
    summary: 'print what is for iptables-restore as what is for nft',
    options: RESTORE_TRANSLATE_OPTIONS,
    operands: [],
    statuses: NOT_TRANSLATED,
  },
  ipset: {
    summary: 'carry out one command on sets, as ipset(8) has them',
    options: {},
    operands: [RULES],
    statuses: { 1: 'it is refused; of test, the entry is not in the set', 255: 'the file cannot be read' },
  },
}

/** A tool of one family; the others know none, or both. */
export interface FamilyTool extends ToolApplet {
  readonly family: FamilyName
  /** Where its tables are; undefined where that is to be found out. */
  readonly backend: BackendName | undefined
}

const INFIXES: Readonly<Record<string, BackendName | undefined>> = { '': undefined, '-legacy': 'legacy', '-nft': 'nft' }

const SUFFIXES = { '': 'command', '-save': 'save', '-restore': 'restore' } as const
const TRANSLATORS = { '-translate': 'translate', '-restore-translate': 'restore-translate' } as const

const familyTools = (['ipv4', 'ipv6'] as const).flatMap((family): FamilyTool[] => {
  const program = family === 'ipv4' ? 'iptables' : 'ip6tables'
  const tool = (name: string, kind: ToolAppletKind, backend?: BackendName): FamilyTool => ({
    ...TOLD[kind],
    ...{ name, kind, family, backend },
  })
  return [
    ...Object.entries(INFIXES).flatMap(([infix, backend]) =>
      Object.entries(SUFFIXES).map(([suffix, kind]) => tool(`${program}${infix}${suffix}`, kind, backend)),
    ),
    ...Object.entries(TRANSLATORS).map(([suffix, kind]) => tool(`${program}${suffix}`, kind)),
  ]
})

/** By name: `iptables-nft-save`. */
export const FAMILY_TOOLS: ReadonlyMap<string, FamilyTool> = new Map(familyTools.map((tool) => [tool.name, tool]))

export const XML: ToolApplet = { ...TOLD.xml, name: 'iptables-xml', kind: 'xml' }
export const IPSET: ToolApplet = { ...TOLD.ipset, name: 'ipset', kind: 'ipset' }

/** All that stand in for a tool, by name. */
export const TOOLS: ReadonlyMap<string, ToolApplet> = new Map<string, ToolApplet>([
  ...FAMILY_TOOLS,
  [XML.name, XML],
  [IPSET.name, IPSET],
])
