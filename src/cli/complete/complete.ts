/** `xtables complete -- WORD …`: the candidates for the last word. Called by the scripts of `xtables completion`. */
import { basename } from 'node:path'
import type { Applet, AppletOption } from '../applets/applet'
import { OWN } from '../applets/own-applets'
import { PLACE_OPTIONS } from '../applets/place-options'
import { FAMILY_TOOLS, TOOLS } from '../applets/tools'
import type { Place } from '../open-kernel'
import type { Streams } from '../streams'
import { behind, both, type Completion, completionText, NOTHING } from './candidates'
import { completeDeclared, optionNames } from './declared'
import { applets, type Meant, valuesOf } from './known'
import { completeRule } from './rule'
import { completeSets } from './sets'

/** Prints the candidates. There are no errors: if nothing can be completed, nothing is printed. */
export function runComplete(args: readonly string[], { stdout }: Pick<Streams, 'stdout'>): void {
  const words = args[0] === '--' ? args.slice(1) : args
  stdout(completionText(complete(words), words.at(-1) ?? ''))
}

const EVERYWHERE: Meant = { place: {}, families: ['ipv4', 'ipv6'] }

/** @param words the command line up to the word to complete, including the name of the command */
export function complete([name = '', ...words]: readonly string[]): Completion {
  const program = basename(name)
  return TOOLS.has(program) ? completeApplet(program, words, EVERYWHERE) : completeXtables(words)
}

const XTABLES = {
  candidates: [
    { value: '--help', summary: 'list the applets' },
    { value: '--version', summary: 'print the version' },
  ],
}

function completeXtables(words: readonly string[]): Completion {
  const place = readPlace(words)
  if ('completion' in place) return place.completion
  const [name, ...rest] = place.rest
  const meant = { ...EVERYWHERE, place: place.place }
  if (rest.length > 0) return completeApplet(name as string, rest, meant)
  return name?.startsWith('-') ? both(optionNames(PLACE_OPTIONS), XTABLES) : applets()
}

function completeApplet(name: string, words: readonly string[], outer: Meant): Completion {
  const place = readPlace(words)
  if ('completion' in place) return place.completion
  const { rest } = place
  const own = OWN.get(name)
  const tool = FAMILY_TOOLS.get(name)
  const meant: Meant = {
    place: { ...outer.place, ...place.place },
    families: tool === undefined ? outer.families : [tool.family],
    backend: tool?.backend,
  }
  const isFirst = rest.length === 1 && rest[0]?.startsWith('-')
  const completion = completeWords(own ?? TOOLS.get(name), rest, meant)
  return isFirst ? both(completion, optionNames(PLACE_OPTIONS)) : completion
}

function completeWords(applet: Applet | undefined, words: readonly string[], meant: Meant): Completion {
  if (applet === undefined) return NOTHING
  const tool = FAMILY_TOOLS.get(applet.name)
  if (tool?.kind === 'command' || tool?.kind === 'translate') return completeRule(tool.family, words, meant)
  return applet.name === 'ipset' ? completeSets(words, meant) : completeDeclared(applet, words, meant)
}

/** Removes the place options from the front. The last word is incomplete, and may itself be the value of such an option. */
function readPlace(
  words: readonly string[],
): { readonly place: Place; readonly rest: readonly string[] } | { readonly completion: Completion } {
  const place: Record<string, string> = {}
  for (let rest = words; ; ) {
    const [word = '', value, ...others] = rest
    const [, name = '', glued] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? []
    const option = Object.hasOwn(PLACE_OPTIONS, name)
      ? (PLACE_OPTIONS as Record<string, AppletOption>)[name]
      : undefined
    if (option === undefined) return { place, rest }
    if (rest.length === 1 && glued === undefined) return { place, rest }
    if (rest.length === 1) return { completion: behind(`--${name}=`, valuesOf(option.values, EVERYWHERE)) }
    if (option.type === 'boolean' || glued !== undefined) {
      place[name] = glued ?? ''
      rest = rest.slice(1)
    } else if (others.length === 0) return { completion: valuesOf(option.values, EVERYWHERE) }
    else {
      place[name] = value as string
      rest = others
    }
  }
}
