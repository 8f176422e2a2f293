/** The declaration of an applet, from which its help, man page, completion and option parsing are derived. */

/** Values that a shell can complete: these words, or what is to be asked for. */
export type Values =
  | readonly string[]
  | 'table'
  | 'chain'
  | 'new chain'
  | 'set'
  | 'set type'
  | 'match'
  | 'target'
  | 'extension or applet'
  | 'applet'
  | 'protocol'
  | 'interface'
  | 'namespace'
  | 'file'
  | 'directory'

/** An option, in a form that `parseArgs` of node:util takes as it is. */
export interface AppletOption {
  readonly type: 'boolean' | 'string'
  readonly short?: string
  readonly multiple?: boolean
  readonly default?: string
  readonly summary: string
  /** What stands behind it, for people; of those of type string. */
  readonly takes?: string
  /** Whether that may be absent; the tools alone have such options. */
  readonly isOptional?: boolean
  readonly values?: Values
  /** It has no long name, whatever it is called here. */
  readonly isShortOnly?: boolean
}

export type AppletOptions = Readonly<Record<string, AppletOption>>

/** A word that is no option. */
export interface Operand {
  readonly name: string
  readonly isOptional?: boolean
  /** Any number of them. */
  readonly isRepeated?: boolean
  readonly values?: Values
}

export interface Applet {
  readonly name: string
  /** What it does, in a line. */
  readonly summary: string
  readonly options: AppletOptions
  readonly operands: readonly Operand[]
  /** What is to be known beside that; a paragraph each. */
  readonly notes?: readonly string[]
  /** What an exit status means here, where it is not what {@link STATUSES} says. */
  readonly statuses?: Readonly<Record<number, string>>
  /** Nobody has to know of it. */
  readonly isHidden?: boolean
}

/** The options of one that is a tool as well are the tool's. */
export interface ToolApplet extends Applet {
  readonly kind: ToolAppletKind
}

/** `command` and `ipset` read words in ways of their own. */
export type ToolAppletKind = 'command' | 'save' | 'restore' | 'xml' | 'translate' | 'restore-translate' | 'ipset'

/** `-t, --table` */
export function namesOf(name: string, { short, isShortOnly }: AppletOption): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), ...(isShortOnly ? [] : [`--${name}`])]
}

export function operandText({ name, isOptional, isRepeated }: Operand): string {
  const text = isRepeated ? `${name} …` : name
  return isOptional ? `[${text}]` : text
}

/** What an option takes, as it stands behind its name; nothing where it takes nothing. */
export function takesText({ takes, isOptional }: AppletOption): string {
  if (takes === undefined) return ''
  return isOptional ? ` [${takes}]` : ` ${takes}`
}
