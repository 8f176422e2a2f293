/** What `xtables help` and `xtables APPLET --help` say. */
import type { Applet } from './applets/applet'
import {
  type OptionLine,
  optionLines,
  ownApplets,
  placeLines,
  sentence,
  statusesOf,
  synopsis,
  toolKinds,
  wrapped,
} from './applets/described'
import { STATUSES } from './applets/statuses'

const WIDTH = 100
const EXAMPLES = `  xtables iptables -A INPUT -p tcp --dport 22 -j ACCEPT
  xtables --netns blue iptables-save
  ln -s "$(command -v xtables)" /usr/local/bin/iptables && iptables -S
  xtables capture filter > filter.json && xtables show filter.json
  xtables --kernel memory --state filter.json iptables -I INPUT -s 10.0.0.0/8 -j DROP
  xtables dump --json filter | jq .INPUT
  xtables help conntrack
  source <(xtables completion bash)
`

/** Two columns; what the first has no room for is a line of its own. */
function columns(rows: readonly (readonly [left: string, right: string])[], most = 34): string {
  const width = Math.min(most, Math.max(...rows.map(([left]) => left.length)))
  return rows
    .map(([left, right]) => {
      const indent = ' '.repeat(width + 4)
      const text = wrapped(right, WIDTH - indent.length).join(`\n${indent}`)
      if (right === '') return `  ${left}\n`
      return left.length <= width ? `  ${left.padEnd(width)}  ${text}\n` : `  ${left}\n${indent}${text}\n`
    })
    .join('')
}

/** Short names come first, and leave their room where there is none. */
const optionRow = ({ names, takes, summary }: OptionLine): readonly [string, string] => [
  `${names.startsWith('--') ? '    ' : ''}${names}${takes}`,
  summary,
]

const statusRows = (statuses: readonly (readonly [number, string])[]): string =>
  columns(statuses.map(([status, meaning]) => [String(status), meaning]))

/** Of the whole command. */
export function overview(): string {
  const tools = [
    ...toolKinds().map(({ names, tool }) => [names.join(', '), tool.summary] as const),
    [
      'iptables-nft…, iptables-legacy…',
      'the same of nf_tables, or of ip_tables; a plain name is for what holds rules',
    ] as const,
  ]
  return `xtables - the packet filter of Linux, without iptables

Usage: xtables [PLACE …] APPLET [WORD …]
       xtables APPLET --help

Applets that stand in for a tool; also called by a symbolic link of that name:
${columns(tools)}
Applets of our own:
${columns(ownApplets().map((applet) => [applet.name, applet.summary]))}
Places, before all other words, and right behind an applet's name:
${columns(placeLines().map(({ names, takes, summary }) => [`${names}${takes}`, summary]))}
Other options:
${columns([
  ['-h, --help', 'print this; behind an applet, its options'],
  ['-V, --version', 'print the version'],
])}
Exit status, of our own applets; those of the tools are told by xtables APPLET --help, and in xtables(8):
${statusRows(Object.entries(STATUSES).map(([status, meaning]) => [Number(status), meaning]))}
Examples:
${EXAMPLES}`
}

/** Of one applet. */
export function appletHelp(applet: Applet): string {
  const lines = optionLines(applet).map(optionRow)
  const help = lines.some(([names]) => names.startsWith('-h,')) ? [] : [['-h, --help', 'print this'] as const]
  const isIpset = applet.name === 'ipset'
  return [
    `Usage: xtables ${synopsis(applet)}\n`,
    `${wrapped(sentence(applet.summary), WIDTH).join('\n')}\n`,
    isIpset ? 'xtables ipset help prints its commands and options.\n' : `Options:\n${columns([...lines, ...help])}`,
    ...(applet.notes ?? []).map((note) => `${wrapped(note, WIDTH).join('\n')}\n`),
    `Exit status:\n${statusRows(statusesOf(applet))}`,
  ].join('\n')
}
