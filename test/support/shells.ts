/** Runs shells that complete a command line, and returns their candidates. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Shell = 'bash' | 'zsh' | 'fish'

const isInstalled = (program: string): boolean => spawnSync('which', [program]).status === 0

/** If it is not installed, tests are skipped; with XTABLES_LIVE=1, they fail instead. */
export const withProgram = (program: string): jest.Describe =>
  isInstalled(program) || process.env['XTABLES_LIVE'] === '1' ? describe : describe.skip

/** The output of the shell for a script. It must contain nothing but candidates. */
function ask(shell: Shell, args: readonly string[], bin: string, directory: string): string[] {
  const { status, stdout, stderr, error } = spawnSync(shell, args, {
    encoding: 'utf8',
    cwd: directory,
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: directory, TERM: 'dumb', LANG: 'C.UTF-8' },
    timeout: 120_000,
  })
  if (error !== undefined) throw error
  if (status !== 0 || stderr !== '') throw new Error(`${shell} ended with ${status}: ${stderr}`)
  return stdout.split('\n').filter((line) => line !== '')
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/** Splits a line like bash: at spaces, and also at = and :. */
const bashWords = (line: string): string[] => line.match(/[^\s=:]+|[=:]+/g) ?? []

const BASH = (script: string, line: string): string => {
  const words = [...bashWords(line), ...(/\s$/.test(line) ? [''] : [])]
  const last = words.at(-1) ?? ''
  const current = /^[=:]+$/.test(last) ? '' : last
  return `source ${quoted(script)}
COMP_LINE=${quoted(line)} COMP_POINT=${line.length}
COMP_WORDS=(${words.map(quoted).join(' ')}) COMP_CWORD=${words.length - 1}
function=$(complete -p ${quoted(words[0] as string)} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" ${quoted(words[0] as string)} ${quoted(current)} ${quoted(words.at(-2) ?? '')}
printf '%s\\n' "\${COMPREPLY[@]}"
`
}

/** An interactive zsh on a terminal of its own, in which the Tab key is pressed. */
const ZSH = (script: string, line: string, directory: string): string => `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell ${quoted(`PROMPT= RPROMPT=; cd ${quoted(directory)}; autoload -Uz compinit && compinit -D -u
source ${quoted(script)}
compadd() { local -a hits; builtin compadd -A hits "$@"; builtin print -rl -- $hits >>candidates; builtin compadd "$@" }
ended() { : >over }
comppostfuncs=(ended)
: >ready`)}
wait_for() { local i; for ((i = 0; i < 600; i++)) { [[ -e $1 ]] && return; sleep 0.1 }; print -u2 "no $1"; exit 1 }
wait_for ready
zpty -n -w shell ${quoted(`${line}\t`)}
wait_for over
[[ -e candidates ]] && cat candidates
zpty -d shell
rm -f ready over candidates
`

/**
 * @param script the output of `xtables completion`
 * @param bin the directory of `xtables`
 * @param directory the working directory
 * @returns the candidates for the last word, without descriptions
 */
export function candidates(shell: Shell, script: string, line: string, bin: string, directory: string): string[] {
  const file = join(directory, `.completion.${shell}`)
  writeFileSync(file, script)
  if (shell === 'bash') return ask(shell, ['--norc', '-c', BASH(file, line)], bin, directory)
  // zsh adds files in more than one way.
  if (shell === 'zsh') return [...new Set(ask(shell, ['-f', '-c', ZSH(file, line, directory)], bin, directory))]
  const fish = ask(shell, ['--no-config', '-c', `source ${file}; complete -C ${quoted(line)}`], bin, directory)
  return fish.map((one) => one.split('\t')[0] as string)
}
