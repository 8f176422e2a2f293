/** The applets that replace the tools, with their options in getopt form. */
import type { FamilyName } from '../../abi/family'
import type { BackendName } from '../../backend/store'
import type { OptionSpec } from '../getopt'
import type { AppletOptions, Operand, ToolApplet, ToolAppletKind } from './applet'

const MODPROBE = {
  type: 'string',
  short: 'M',
  takes: 'COMMAND',
  summary: 'accepted but ignored; kernel modules are loaded as needed',
} as const

export const SAVE_OPTIONS = {
  binary: { type: 'boolean', short: 'b', summary: 'accepted but ignored' },
  counters: { type: 'boolean', short: 'c', summary: 'include the counters of rules' },
  version: { type: 'boolean', short: 'V', summary: 'print the version' },
  // Obsolete: the tool accepts it, and saves with or without it.
  dump: { type: 'boolean', short: 'd', summary: 'accepted but ignored' },
  table: {
    type: 'string',
    short: 't',
    takes: 'TABLE',
    values: 'table',
    summary: 'print only this table (default: all)',
  },
  modprobe: MODPROBE,
  file: { type: 'string', short: 'f', takes: 'FILE', values: 'file', summary: 'write to FILE' },
} as const satisfies AppletOptions

export const RESTORE_OPTIONS = {
  // The manual page lists --binary, but the tool does not accept it.
  binary: { type: 'boolean', short: 'b', isShortOnly: true, summary: 'accepted but ignored' },
  counters: { type: 'boolean', short: 'c', summary: 'restore the counters in the text' },
  verbose: { type: 'boolean', short: 'v', summary: 'print what is done' },
  version: { type: 'boolean', short: 'V', summary: 'print the version' },
  test: { type: 'boolean', short: 't', summary: 'parse and check the text, but change nothing' },
  help: { type: 'boolean', short: 'h', summary: 'print the usage of the tool' },
  noflush: { type: 'boolean', short: 'n', summary: 'keep the existing rules of the tables' },
  modprobe: MODPROBE,
  table: {
    type: 'string',
    short: 'T',
    takes: 'TABLE',
    values: 'table',
    summary: 'restore only this table of the text',
  },
  wait: {
    type: 'string',
    short: 'w',
    takes: 'SECONDS',
    isOptional: true,
    summary: 'wait this long for the xtables lock (default: for ever)',
  },
  'wait-interval': {
    type: 'string',
    short: 'W',
    takes: 'MICROSECONDS',
    isOptional: true,
    summary: 'accepted but ignored',
  },
} as const satisfies AppletOptions

export const XML_OPTIONS = {
  combine: {
    type: 'boolean',
    short: 'c',
    summary: 'combine consecutive rules with the same matches into one rule with several actions',
  },
  verbose: { type: 'boolean', short: 'v', summary: 'include the source line of each element as a comment' },
  help: { type: 'boolean', short: 'h', summary: 'print the usage of the tool' },
} as const satisfies AppletOptions

export const RESTORE_TRANSLATE_OPTIONS = {
  help: { type: 'boolean', short: 'h', summary: 'print the usage of the tool' },
  file: { type: 'string', short: 'f', takes: 'FILE', values: 'file', summary: 'the text to translate; required' },
  version: { type: 'boolean', short: 'V', summary: 'print the version' },
} as const satisfies AppletOptions

/** Options in the form of `getopt.ts`. */
export const getoptSpecs = (options: AppletOptions): readonly OptionSpec[] =>
  Object.entries(options).map(([name, { short = '', type, isOptional, isShortOnly }]) => ({
    letter: short,
    ...(!isShortOnly && { name }),
    argument: type === 'boolean' ? 'none' : isOptional ? 'follower' : 'required',
  }))

const NOT_TRANSLATED = { 1: 'the command cannot be translated' }
const TEXT: Operand = { name: 'FILE', values: 'file', isOptional: true }
const FROM_INPUT = 'Without FILE, standard input is read.'

type Told = Pick<ToolApplet, 'summary' | 'options' | 'operands' | 'notes' | 'statuses'>

const RULES: Operand = { name: 'WORD', isRepeated: true }

const TOLD: Readonly<Record<ToolAppletKind, Told>> = {
  command: {
    summary: 'run one command of iptables(8)',
    options: {},
    operands: [RULES],
    statuses: {
      3: 'the table does not exist, or (with ip_tables) you are not root',
      4: 'another program holds the xtables lock, or (with nf_tables) the kernel refused the change or you are not root',
    },
  },
  save: {
    summary: 'print tables in the format that iptables-restore reads',
    options: SAVE_OPTIONS,
    operands: [],
    statuses: {
      1: 'failure, or invalid options',
      2: 'invalid place options, such as --netns',
      4: 'you are not root (with nf_tables)',
    },
  },
  restore: {
    summary: 'restore tables from the output of iptables-save',
    options: RESTORE_OPTIONS,
    operands: [TEXT],
    notes: [FROM_INPUT],
    statuses: {
      1: 'a line was refused, the text cannot be read, or the options are invalid',
      2: 'syntax error in a line, or (with ip_tables) you are not root',
      4: 'another program holds the xtables lock, or (with nf_tables) the kernel refused a rule or you are not root',
    },
  },
  xml: {
    summary: 'convert the output of iptables-save to XML',
    options: XML_OPTIONS,
    operands: [TEXT],
    notes: [FROM_INPUT],
    statuses: {
      1: 'syntax error in a line, or invalid options, or -h was given',
      2: 'a line is incomplete: a name, a policy or a bracket is missing',
    },
  },
  translate: {
    summary: 'translate an iptables command to nft',
    options: {},
    operands: [RULES],
    statuses: NOT_TRANSLATED,
  },
  'restore-translate': {
    summary: 'translate the output of iptables-save to nft',
    options: RESTORE_TRANSLATE_OPTIONS,
    operands: [],
    statuses: NOT_TRANSLATED,
  },
  ipset: {
    summary: 'run one command of ipset(8)',
    options: {},
    operands: [RULES],
    statuses: {
      1: 'the operation was refused, or (for test) the entry is not in the set',
      255: 'the file to restore cannot be read',
    },
  },
}

/** A tool for one address family. The other tools use no family, or both. */
export interface FamilyTool extends ToolApplet {
  readonly family: FamilyName
  /** The backend in its name; undefined if it has to be detected. */
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

/** Tools by name, such as `iptables-nft-save`. */
export const FAMILY_TOOLS: ReadonlyMap<string, FamilyTool> = new Map(familyTools.map((tool) => [tool.name, tool]))

export const XML: ToolApplet = { ...TOLD.xml, name: 'iptables-xml', kind: 'xml' }
export const IPSET: ToolApplet = { ...TOLD.ipset, name: 'ipset', kind: 'ipset' }

/** All applets that replace a tool, by name. */
export const TOOLS: ReadonlyMap<string, ToolApplet> = new Map<string, ToolApplet>([
  ...FAMILY_TOOLS,
  [XML.name, XML],
  [IPSET.name, IPSET],
])
