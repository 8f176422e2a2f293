/** Writes docs/command.md, the reference of the command, from the declarations of its applets. */
import type { Applet } from '../src/cli/applets/applet'
import {
  hasOptionsOfIptables,
  type OptionLine,
  optionLines,
  ownApplets,
  placeLines,
  sentence,
  statusesOf,
  synopsis,
  toolKinds,
} from '../src/cli/applets/described'
import { FILES, VARIABLES } from '../src/cli/applets/environment'

const code = (text: string): string => `\`${text}\``
const cell = (text: string): string => text.replaceAll('|', '\\|')

function table(heads: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map((row) => `| ${row.map(cell).join(' | ')} |`)
  return [`| ${heads.join(' | ')} |`, '| --- | --- |', ...lines].join('\n')
}

const optionTable = (lines: readonly OptionLine[]): string =>
  table(
    ['option', ''],
    lines.map(({ names, takes, summary }) => [code(`${names}${takes}`), summary]),
  )

function optionsOf(applet: Applet): string {
  if (hasOptionsOfIptables(applet))
    return 'Its options are those of iptables(8): `xtables iptables --help` prints them.'
  if (applet.name === 'ipset') return 'Its words are those of ipset(8): `xtables ipset help` prints them.'
  return Object.keys(applet.options).length === 0 ? '' : optionTable(optionLines(applet))
}

const section = (title: string, applet: Applet): string =>
  [
    `### ${title}`,
    code(`xtables ${synopsis(applet)}`),
    sentence(applet.summary),
    optionsOf(applet),
    ...(applet.notes ?? []),
    `Exit status: ${statusesOf(applet)
      .map(([status, meaning]) => `${code(String(status))} ${meaning}`)
      .join('; ')}.`,
  ]
    .filter((text) => text !== '')
    .join('\n\n')

const INTRODUCTION = `# The command

Made by \`npm run docs\` from the declarations in \`src/cli/applets\`; do not edit. \`xtables help\` and \`xtables APPLET --help\` print
the same, and so does the man page, \`xtables(8)\`.

\`xtables APPLET …\` runs an applet. Those that stand in for a tool are also run by a symbolic link of the tool's name; there,
\`-h\` and \`--help\` print what the tool prints.

Behind a name with \`-legacy\` or \`-nft\` in it, such as \`iptables-nft-save\`, the tables are those of ip_tables or of nf_tables. A plain
name is for the one that holds rules ([backends.md](backends.md)).`

const COMPLETION = `## Completion

\`xtables completion\` prints a script for bash, zsh or fish, which completes applets, options, tables, chains, sets, extensions and
their values, and files. Chains and sets are those that there are, where \`--netns\`, \`--kernel\` and \`--state\` before them say.

\`\`\`sh
source <(xtables completion bash)    # in ~/.bashrc
source <(xtables completion zsh)     # in ~/.zshrc, behind compinit
xtables completion fish | source     # in ~/.config/fish/config.fish
\`\`\`

Names that are symbolic links to \`xtables\` are completed where they are asked for, so that what a distribution completes them by
stays otherwise: \`xtables completion bash iptables ipset\`.`

const COLOURS = `## Colours

\`list\`, \`plan\`, \`apply\` and \`top\` print in colours where standard output is a terminal that has them. \`NO_COLOR\` turns that off,
\`FORCE_COLOR\` on. Nothing else is coloured.`

/** The text of docs/command.md. */
export const commandPage = (): string =>
  `${[
    INTRODUCTION,
    '## Where the tables are',
    "Before all other words, and right behind an applet's name:",
    optionTable(placeLines()),
    '## Tools',
    ...toolKinds().map(({ names, tool }) => section(names.join(', '), tool)),
    '## Our own',
    ...ownApplets().map((applet) => section(applet.name, applet)),
    COMPLETION,
    COLOURS,
    '## Environment',
    table(
      ['variable', ''],
      VARIABLES.map(([name, meaning]) => [code(name), meaning]),
    ),
    '## Files',
    table(
      ['file', ''],
      FILES.map(([name, meaning]) => [code(name), meaning]),
    ),
  ].join('\n\n')}\n`
