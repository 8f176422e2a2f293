/** The text of `ipset help`. */
import { type AnyField, SET_TYPES, type SetType, type SetTypeName, setType } from '../types'
import { readType } from './create'
import { EntryGrammar } from './entry'
import { TEXTS } from './text'
import { usage } from './text-errors'

/** The version of ipset(8) whose behaviour this reproduces. */
export const VERSION = 'v7.17'

const USAGE = `ipset ${VERSION}

Usage: ipset [options] COMMAND

Commands:
create SETNAME TYPENAME [type-specific-options]
        Create a new set
add SETNAME ENTRY
        Add entry to the named set
del SETNAME ENTRY
        Delete entry from the named set
test SETNAME ENTRY
        Test entry in the named set
destroy [SETNAME]
        Destroy a named set or all sets
list [SETNAME]
        List the entries of a named set or all sets
save [SETNAME]
        Save the named set or all sets to stdout
restore 
        Restore a saved state
flush [SETNAME]
        Flush a named set or all sets
rename FROM-SETNAME TO-SETNAME
        Rename two sets
swap FROM-SETNAME TO-SETNAME
        Swap the contents of two existing sets
help [TYPENAME]
        Print help, and settype specific help
version 
        Print version information
quit 
        Quit interactive mode

Options:
-o plain|save|xml|json
       Specify output mode for listing sets.
       Default value for "list" command is mode "plain"
       and for "save" command is mode "save".
-s 
        Print elements sorted.
-q 
        Suppress any notice or warning message.
-r 
        Try to resolve IP addresses in the output (slow!)
-! 
        Ignore errors when creating or adding sets or
        elements that do exist or when deleting elements
        that don't exist.
-n 
        When listing, just list setnames from the kernel.
-t 
        When listing, list setnames and set headers
        from kernel only.
-f 
        Read from the given file instead of standard
        input (restore) or write to given file instead
        of standard output (list/save).
`

const families = ({ families }: SetType): string =>
  families.length > 1 ? 'supports inet and inet6' : families[0] === 'any' ? 'is family neutral' : 'supports inet only'

const supported = (): string =>
  Object.keys(SET_TYPES)
    .map((name) => {
      const [oldest, newest] = setType(name as SetTypeName).revisions
      return `    ${name.padEnd(17)} revisions ${oldest} to ${newest}\n`
    })
    .join('')

const INDENT = ' '.repeat(15)

function optionHelp(name: string, { kind, optional }: AnyField<never>): string {
  const { shown } = TEXTS[kind]
  const option = shown === '' ? name : `${name} ${shown}`
  return `${INDENT}${optional ? `[${option}]` : option}\n`
}

function typeHelp(type: SetType): string {
  const { name } = type
  const grammar = new EntryGrammar(type)
  const entry = (command: 'add' | 'del' | 'test'): string =>
    `${command.padEnd(4)}   SETNAME ${name} ${grammar.shownElement()}\n${grammar
      .optionsOf(command)
      .map((option) => optionHelp(option.name, option.field))
      .join('')}`
  const create = Object.entries(type.create).map(([option, field]) => optionHelp(option, field as AnyField<never>))
  const family = type.families.length > 1 ? `${INDENT}[family inet|inet6]|[-4|-6]\n` : ''
  return [
    `\n${name} type specific options:\n\ncreate SETNAME ${name} \n${family}${create.join('')}`,
    entry('add'),
    entry('del'),
    entry('test'),
    `\nType ${name} ${families(type)}.\n`,
  ].join('')
}

/**
 * @param write receives the text in parts
 * @throws SetTextError for an unknown type
 */
export function help(typeWord: string | undefined, write: (text: string) => void): void {
  write(USAGE)
  if (typeWord === undefined) write(`\nSupported set types:\n${supported()}`)
  else write(typeHelp(known(typeWord)))
}

function known(word: string): SetType {
  try {
    return readType(word)
  } catch {
    throw usage(`Unknown settype: \`${word}'`)
  }
}
