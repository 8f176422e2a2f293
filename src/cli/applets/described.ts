/** Descriptions of applets for help, the man page and the docs, derived from their declarations. */
import { globals } from '../../language/options'
import {
  type Applet,
  type AppletOptions,
  namesOf,
  operandText,
  type ToolApplet,
  type ToolAppletKind,
  takesText,
} from './applet'
import { OWN } from './own-applets'
import { PLACE_OPTIONS } from './place-options'
import { STATUSES, TOOL_STATUSES } from './statuses'
import { TOOLS } from './tools'

export interface OptionLine {
  /** `-t, --table` */
  readonly names: string
  /** The placeholder for its value, with a space before it. Empty if it takes no value. */
  readonly takes: string
  readonly summary: string
}

const isTool = (applet: Applet): applet is ToolApplet => TOOLS.has(applet.name)

/** The kinds whose options are those of iptables. */
const OF_IPTABLES: readonly ToolAppletKind[] = ['command', 'translate']

export const hasOptionsOfIptables = (applet: Applet): boolean => isTool(applet) && OF_IPTABLES.includes(applet.kind)

export const optionLines = (applet: Applet): OptionLine[] =>
  hasOptionsOfIptables(applet)
    ? globals().flatMap(({ letter, names, help }) =>
        help === undefined
          ? []
          : {
              names: `${letter === '0' ? '' : `-${letter}, `}--${names[0]}`,
              takes: help.takes === '' ? '' : ` ${help.takes}`,
              summary: help.summary,
            },
      )
    : declaredLines(applet.options)

const declaredLines = (options: AppletOptions): OptionLine[] =>
  Object.entries(options).map(([name, option]) => ({
    names: namesOf(name, option).join(', '),
    takes: takesText(option),
    summary: option.summary,
  }))

/** The options before the name of an applet, which select the tables. */
export const placeLines = (): OptionLine[] => declaredLines(PLACE_OPTIONS)

/** Our own applets, without the internal ones. */
export const ownApplets = (): Applet[] => [...OWN.values()].filter(({ isHidden }) => !isHidden)

/** The tools grouped by kind, without the names that contain a backend. */
export function toolKinds(): { readonly names: string[]; readonly tool: ToolApplet }[] {
  const plain = [...TOOLS.values()].filter(({ name }) => !/-(legacy|nft)/.test(name))
  const kinds = new Set(plain.map(({ kind }) => kind))
  return [...kinds].map((kind) => {
    const these = plain.filter((one) => one.kind === kind)
    return { names: these.map(({ name }) => name), tool: these[0] as ToolApplet }
  })
}

/** `trace [OPTION …] [FILE]` */
export function synopsis(applet: Applet): string {
  const options = Object.keys(applet.options).length === 0 ? [] : ['[OPTION …]']
  return [applet.name, ...options, ...applet.operands.map(operandText)].join(' ')
}

/** `Print tables with their rules and counters.` */
export const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

/** The meanings of the exit statuses of an applet, in ascending order. */
export const statusesOf = (applet: Applet): (readonly [status: number, meaning: string])[] =>
  Object.entries({ ...(isTool(applet) ? TOOL_STATUSES : STATUSES), ...applet.statuses }).map(
    ([status, meaning]) => [Number(status), meaning] as const,
  )

/** All names of applets, except internal ones. */
export const appletNames = (): string[] => [...ownApplets(), ...TOOLS.values()].map(({ name }) => name)

/** Wraps a text into lines of less than `width` characters, except for longer words. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + word.length < width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
