/** `xtables completion SHELL`: prints a script that completes words with the candidates of `xtables complete`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMPLETION, type SHELLS } from './applets/own-applets'
import { TOOLS } from './applets/tools'
import { CommandLineError, readWords } from './command-line'
import type { Streams } from './streams'

type Shell = (typeof SHELLS)[number]

/** The build copies the scripts to a directory next to the command. */
const scriptOf = (shell: Shell): string => readFileSync(join(__dirname, 'completion', `xtables.${shell}`), 'utf8')

/** A line that makes the script complete another name, too. */
const ALSO: Readonly<Record<Shell, (name: string) => string>> = {
  bash: (name) => `complete -F _xtables ${name}\n`,
  zsh: (name) => `compdef _xtables ${name}\n`,
  fish: (name) => `complete -c ${name} -f -a '(__xtables_complete)'\n`,
}

export function runCompletion(args: readonly string[], { stdout }: Pick<Streams, 'stdout'>): void {
  const [shell, ...tools] = readWords(COMPLETION, args).positionals
  const unknown = tools.find((name) => !TOOLS.has(name))
  if (unknown !== undefined)
    throw new CommandLineError(
      `completion: xtables does not replace ${unknown}; it replaces ${[...TOOLS.keys()].join(', ')}`,
    )
  stdout(scriptOf(shell as Shell) + tools.map(ALSO[shell as Shell]).join(''))
}
