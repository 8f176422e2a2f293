/** Writes man/xtables.8 from the declarations of the applets, with the macros of man(7). */
import type { Applet } from '../src/cli/applets/applet'
import {
  hasOptionsOfIptables,
  optionLines,
  ownApplets,
  placeLines,
  sentence,
  statusesOf,
  synopsis,
  toolKinds,
  wrapped,
} from '../src/cli/applets/described'
import { FILES, VARIABLES } from '../src/cli/applets/environment'

/** As roff has it: a hyphen that is typed is none of typesetting. */
const escaped = (words: string): string => words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...')

/** In lines that are no requests. */
const text = (words: string): string =>
  wrapped(escaped(words), 78)
    .map((line) => line.replace(/^[.']/, '\\&$&'))
    .join('\n')

const quoted = (words: string): string => `"${escaped(words).replaceAll('"', '\\(dq')}"`

const item = (tag: string, meaning: string): string[] => ['.TP', `.B ${quoted(tag)}`, text(meaning)]

function optionsOf(applet: Applet): string[] {
  if (hasOptionsOfIptables(applet)) return [text('Its options are those of iptables(8).')]
  if (applet.name === 'ipset') return [text('Its words are those of ipset(8).')]
  const items = optionLines(applet).flatMap(({ names, takes, summary }) =>
    item(`${names}${takes}`, summary === '' ? '' : sentence(summary)),
  )
  return items.length === 0 ? [] : ['.RS', ...items, '.RE']
}

const command = (words: string, applet: Applet): string[] => [
  '.TP',
  `.B ${quoted(words)}`,
  text(sentence(applet.summary)),
  ...(applet.notes ?? []).map(text),
  ...optionsOf(applet),
]

/** Where an applet differs from what is said of all. */
const statuses = (name: string, applet: Applet): string[] => [
  ...['.TP', `.B ${quoted(name)}`],
  text(
    `${statusesOf(applet)
      .map(([status, meaning]) => `${status}: ${meaning}`)
      .join('; ')}.`,
  ),
]

const EXAMPLES: readonly (readonly [what: string, line: string])[] = [
  ['Let SSH in:', 'xtables iptables -A INPUT -p tcp --dport 22 -j ACCEPT'],
  ['Print the tables of another network namespace:', 'xtables --netns blue iptables-save'],
  [
    'Make chains what a text says, and take that back unless it is confirmed within a minute:',
    'xtables apply --prefix web- --confirm 60 rules.txt',
  ],
  [
    'Try a rule on tables that were captured, with no effect on the machine:',
    'xtables capture filter > filter.json && xtables --kernel memory --state filter.json iptables -I INPUT -s 10.0.0.0/8 -j DROP',
  ],
  ['Ask which rules a packet would meet:', 'xtables trace --way input -i eth0 -p tcp --dport 22 -s 192.0.2.1'],
]

/** The text of man/xtables.8. */
export function manPage(): string {
  const lines = [
    '.\\" Made by `npm run docs` from the declarations in src/cli/applets; do not edit.',
    '.TH XTABLES 8 "" xtables',
    '.SH NAME',
    'xtables \\- the packet filter of Linux, without iptables',
    '.SH SYNOPSIS',
    '.B xtables',
    `.RI [ place " ...] " applet " [" word " ...]"`,
    '.br',
    '.B xtables',
    '.I applet',
    '.B \\-\\-help',
    '.br',
    '.B xtables help',
    '.RI [ applet | match | target ]',
    '.SH DESCRIPTION',
    text(
      'xtables reads and changes the tables that iptables keeps in ip_tables or nf_tables, and ipsets. It needs nothing of iptables.',
    ),
    'Its applets stand in for the tools, or are its own.',
    '.SH COMMANDS',
    '.SS Tools',
    text(
      'They are also run by a symbolic link of their name, and take the options, print the text and give the exit status of the tools of iptables 1.8.9 and ipset 7.17.',
    ),
    text(
      'With -legacy or -nft in its name, such as iptables-nft-save, one is for ip_tables or nf_tables; a plain name is for the one that holds rules.',
    ),
    ...toolKinds().flatMap(({ names, tool }) =>
      command(`${names.join(', ')}${synopsis(tool).slice(tool.name.length)}`, tool),
    ),
    '.SS Our own',
    ...ownApplets().flatMap((applet) => command(synopsis(applet), applet)),
    '.SH OPTIONS',
    text("Before all other words, and right behind an applet's name:"),
    ...placeLines().flatMap(({ names, takes, summary }) =>
      item(`${names}${takes}`, summary === '' ? '' : sentence(summary)),
    ),
    ...item('-h, --help', "Print what there is, or behind an applet's name, its options."),
    ...item('-V, --version', 'Print the version.'),
    '.SH EXIT STATUS',
    ...toolKinds().flatMap(({ names, tool }) => statuses(names.join(', '), tool)),
    ...ownApplets()
      .filter((applet) => applet.statuses !== undefined)
      .flatMap((applet) => statuses(applet.name, applet)),
    ...statuses('all others', { name: '', summary: '', options: {}, operands: [] }),
    '.SH ENVIRONMENT',
    ...VARIABLES.flatMap(([name, meaning]) => item(name, sentence(meaning))),
    '.SH FILES',
    ...FILES.flatMap(([name, meaning]) => item(name, sentence(meaning))),
    '.SH EXAMPLES',
    ...EXAMPLES.flatMap(([what, line], i) => [
      ...(i === 0 ? [] : ['.PP']),
      text(what),
      '.PP',
      '.RS',
      '.nf',
      escaped(line),
      '.fi',
      '.RE',
    ]),
    '.SH SEE ALSO',
    '.BR iptables (8),\n.BR iptables\\-extensions (8),\n.BR ip6tables (8),\n.BR ipset (8),\n.BR nft (8)',
  ]
  return `${lines.join('\n')}\n`
}
