/** The declaration of an applet, from which its help, man page, completion and option parsing are derived. */

/** Values that a shell can complete: a list of words, or the kind of name to look up. */
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

/** An option, in the form that `parseArgs` of node:util expects. */
export interface AppletOption {
  readonly type: 'boolean' | 'string'
  readonly short?: string
  readonly multiple?: boolean
  readonly default?: string
  readonly summary: string
  /** The placeholder for its value in help texts. Only for the type string. */
  readonly takes?: string
  /** Whether the value may be omitted. Only the tools have such options. */
  readonly isOptional?: boolean
  readonly values?: Values
  /** It has no long name: its key is only used internally. */
  readonly isShortOnly?: boolean
}

export type AppletOptions = Readonly<Record<string, AppletOption>>

/** A word that is not an option. */
export interface Operand {
  readonly name: string
  readonly isOptional?: boolean
  /** Whether it may be repeated. Only for the last operand. */
  readonly isRepeated?: boolean
  readonly values?: Values
  /** What error messages call a value: `unknown shell "tcsh"`. */
  readonly noun?: string
}

export interface Applet {
  readonly name: string
  /** What it does, in one line. */
  readonly summary: string
  readonly options: AppletOptions
  readonly operands: readonly Operand[]
  /** Additional paragraphs. */
  readonly notes?: readonly string[]
  /** The exit statuses that have another meaning than in {@link STATUSES}. */
  readonly statuses?: Readonly<Record<number, string>>
  /** Not listed in help, man page and completion: internal. */
  readonly isHidden?: boolean
}

/** An applet that replaces a tool. Its options are those of the tool. */
export interface ToolApplet extends Applet {
  readonly kind: ToolAppletKind
}

/** `command`, `translate` and `ipset` have parsers of their own: they declare no options here. */
export type ToolAppletKind = 'command' | 'save' | 'restore' | 'xml' | 'translate' | 'restore-translate' | 'ipset'

/** `-t, --table` */
export function namesOf(name: string, { short, isShortOnly }: AppletOption): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), ...(isShortOnly ? [] : [`--${name}`])]
}

export function operandText({ name, isOptional, isRepeated }: Operand): string {
  const text = isRepeated ? `${name} …` : name
  return isOptional ? `[${text}]` : text
}

/** The placeholder for the value of an option, with a space before it. Empty if it takes no value. */
export function takesText({ takes, isOptional }: AppletOption): string {
  if (takes === undefined) return ''
  return isOptional ? ` [${takes}]` : ` ${takes}`
}
