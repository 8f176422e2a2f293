/** The texts of `xtables help` and `xtables APPLET --help`. */
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

/** Two columns. If the left text is too long for its column, the right one starts on the next line. */
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

/** Options without a short name are indented, so that the long names are aligned. */
const optionRow = ({ names, takes, summary }: OptionLine): readonly [string, string] => [
  `${names.startsWith('--') ? '    ' : ''}${names}${takes}`,
  summary,
]

const statusRows = (statuses: readonly (readonly [number, string])[]): string =>
  columns(statuses.map(([status, meaning]) => [String(status), meaning]))

/** The help of the whole command. */
export function overview(): string {
  const tools = [
    ...toolKinds().map(({ names, tool }) => [names.join(', '), tool.summary] as const),
    [
      'iptables-nft…, iptables-legacy…',
      'the same tools for nf_tables or ip_tables; plain names use the one that has rules',
    ] as const,
  ]
  return `xtables - control the Linux packet filter without iptables

Usage: xtables [PLACE …] APPLET [WORD …]
       xtables APPLET --help

Applets that replace a tool; a symbolic link with the name of the tool runs the same applet:
${columns(tools)}
Other applets:
${columns(ownApplets().map((applet) => [applet.name, applet.summary]))}
Place options select the tables. They come before the name of the applet, or directly after it:
${columns(placeLines().map(({ names, takes, summary }) => [`${names}${takes}`, summary]))}
Other options:
${columns([
  ['-h, --help', 'print this help; after an applet: its options'],
  ['-V, --version', 'print the version'],
])}
Exit status of most applets (for others, see xtables APPLET --help, or xtables(8)):
${statusRows(Object.entries(STATUSES).map(([status, meaning]) => [Number(status), meaning]))}
Examples:
${EXAMPLES}`
}

/** The help of an applet. */
export function appletHelp(applet: Applet): string {
  const lines = optionLines(applet).map(optionRow)
  const help = lines.some(([names]) => names.startsWith('-h,')) ? [] : [['-h, --help', 'print this help'] as const]
  const isIpset = applet.name === 'ipset'
  return [
    `Usage: xtables ${synopsis(applet)}\n`,
    `${wrapped(sentence(applet.summary), WIDTH).join('\n')}\n`,
    isIpset ? 'Run `xtables ipset help` for its commands and options.\n' : `Options:\n${columns([...lines, ...help])}`,
    ...(applet.notes ?? []).map((note) => `${wrapped(note, WIDTH).join('\n')}\n`),
    `Exit status:\n${statusRows(statusesOf(applet))}`,
  ].join('\n')
}
