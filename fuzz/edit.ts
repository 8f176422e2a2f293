/** How inputs are edited: words, characters, bytes, and trees of data. No edit changes what it is given. */
import { CHARACTERS, INHERITED, VALUES, WORDS } from './hostile'
import { type Edit, pick } from './kind'

/** `list` with `count` items at a place taken out, and others put there. */
const spliced = <T>(list: readonly T[], at: number, count: number, ...items: readonly T[]): T[] => [
  ...list.slice(0, at),
  ...items,
  ...list.slice(at + count),
]

/** Breaks within a character of two parts, too. */
export function editText(text: string, [what, where, which]: Edit): string {
  const at = where % (text.length + 1)
  const character = pick(CHARACTERS, which)
  return pick(
    [
      () => text.slice(0, at) + character + text.slice(at),
      () => text.slice(0, at) + text.slice(at + 1),
      () => text.slice(0, at) + character + text.slice(at + 1),
      () => text.slice(0, at) + text.slice(at, at + 1 + (which % 8)) + text.slice(at),
      () => text.slice(0, at),
      () => text.slice(0, at) + pick(WORDS, which) + text.slice(at),
    ],
    what,
  )()
}

/** @param others what words may be borrowed from, some that stand together */
export function editWords(
  words: readonly string[],
  [what, where, which]: Edit,
  others: readonly (readonly string[])[],
): string[] {
  const at = where % (words.length + 1)
  const word = words[at] ?? ''
  const other = pick(others, which)
  const from = where % Math.max(1, other.length)
  return pick(
    [
      () => spliced(words, at, 0, pick(WORDS, which)),
      () => spliced(words, at, 1, pick(WORDS, which)),
      () => spliced(words, at, 1),
      () => spliced(words, at, 1, word, word),
      () => spliced(words, at, 0, '!'),
      () => spliced(words, at, 0, ...other.slice(from, from + 1 + (which % 3))),
      () => spliced(words, at, 0, ...other.slice(from, from + 1 + (which % 3))),
      () => spliced(words, at, 1, editText(word, [which, which, what])),
      () => spliced(words, at, 1, editText(word, [which, which, what])),
      () => spliced(words, at, 2, words[at + 1] ?? '', word),
      () => spliced(words, at, 1, other[from] ?? ''),
    ],
    what,
  )()
}

/** JSON in which a key is there twice, which no tree can hold: the same key, with another value before or behind its own. */
export function repeatKey(json: string, [what, where, which]: Edit): string {
  const keys = [...json.matchAll(/"(?:[^"\\]|\\.)*":/g)]
  if (keys.length === 0) return json
  const { 0: key, index } = pick(keys, where)
  const value = JSON.stringify(pick(VALUES, which)) ?? '{}'
  const spelt = what % 2 === 0 ? key : `"\\u${key.charCodeAt(1).toString(16).padStart(4, '0')}${key.slice(2)}`
  return `${json.slice(0, index)}${spelt}${value},${json.slice(index)}`
}

const NUMBERS: readonly number[] = [0, 1, 2, 8, 31, 32, 40, 112, 127, 128, 152, 255, 0x6000, 0x7fff, 0xffff]

/** @param others what bytes may be borrowed from */
export function editBytes(bytes: Uint8Array, [what, where, which]: Edit, others: readonly Uint8Array[]): Uint8Array {
  const edited = bytes.slice()
  const at = where % Math.max(1, bytes.length)
  const put = (value: number, size: number): Uint8Array => {
    for (let i = 0; i < size && at + i < edited.length; i++) edited[at + i] = value >>> (8 * i)
    return edited
  }
  const other = pick(others, which)
  const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
  return pick(
    [
      () => put((bytes[at] ?? 0) ^ (1 << (which % 8)), 1),
      () => put(which, 1),
      () => put(pick(NUMBERS, which), 1),
      () => put(pick(NUMBERS, which), 2),
      () => put(pick([0, 1, -1, -2, 0x7fff_ffff, bytes.length, which], which), 4),
      () => {
        edited.set(other.subarray(at, Math.min(at + 1 + (which % 64), edited.length)), at)
        return edited
      },
      () => joined(bytes.subarray(0, at), bytes.subarray(at + 8 * (1 + (which % 4)))),
      () => joined(bytes.subarray(0, at), new Uint8Array(8 * (1 + (which % 4))), bytes.subarray(at)),
      () => edited.subarray(0, which % 8 === 0 ? at : bytes.length),
    ],
    what,
  )()
}

type Tree = unknown
type Path = readonly (string | number)[]

const isBranch = (tree: Tree): tree is Record<string, Tree> | Tree[] => typeof tree === 'object' && tree !== null

const DEEPEST = 100

/** The way to everything within a tree, down to some depth. */
function paths(tree: Tree, path: Path = []): Path[] {
  if (!isBranch(tree) || path.length === DEEPEST) return [path]
  const within = Array.isArray(tree) ? [...tree.entries()] : Object.entries(tree)
  return [path, ...within.flatMap(([key, value]) => paths(value, [...path, key]))]
}

export const at = (tree: Tree, path: Path): Tree =>
  path.reduce<Tree>((value, key) => (value as Record<string | number, Tree>)[key], tree)

type Entries = readonly (readonly [key: string, value: Tree])[]

/** As JSON.parse makes them: `__proto__` is a key like others. */
const objectOf = (entries: Entries): Tree => {
  const object = {}
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  return object
}

/** A tree in which what is at a path is changed: by a function that makes entries of one entry. */
export function changed(tree: Tree, [key, ...rest]: Path, change: (key: string, value: Tree) => Entries): Tree {
  if (key === undefined) return change('', tree)[0]?.[1]
  const step = (name: string, value: Tree): Entries => {
    if (name !== String(key)) return [[name, value]]
    return rest.length === 0 ? change(name, value) : [[name, changed(value, rest, change)]]
  }
  if (Array.isArray(tree)) return tree.flatMap((value, i) => step(String(i), value).map(([, one]) => one))
  return objectOf(Object.entries(tree as object).flatMap(([name, value]) => step(name, value)))
}

const NAMES: readonly string[] = [...INHERITED, ...WORDS.slice(0, 60), 'target', 'src', 'matches', 'counters', 'goto']

/** The ways in which a key may be spelt, not all of them right. */
const respelt = (key: string, which: number): string =>
  pick(
    [
      key.replaceAll('-', '_'),
      key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
      key.toUpperCase(),
      `${key} `,
      `-m ${key}`,
      `!${key}`,
    ],
    which,
  )

/** @param others what trees may be borrowed from */
export function editTree(tree: Tree, [what, where, which]: Edit, others: readonly Tree[]): Tree {
  const path = pick(paths(tree), where)
  const other = pick(others, which)
  const borrowed = isBranch(other) ? pick(Object.entries(other), where) : undefined
  const value = pick(VALUES, which)
  return pick<() => Tree>(
    [
      () => changed(tree, path, (key) => [[key, value]]),
      () => changed(tree, path, () => []),
      () => changed(tree, path, (_, held) => [[pick(NAMES, which), held]]),
      () => changed(tree, path, (key, held) => [[respelt(key, which), held]]),
      () =>
        changed(tree, path, (key, held) => [
          [key, held],
          [respelt(key, which), value],
        ]),
      () => changed(tree, path, (key, held) => [[key, held], ...(borrowed === undefined ? [] : [borrowed])]),
      () =>
        changed(tree, path, (key, held) => [
          [key, held],
          [pick(NAMES, which), value],
        ]),
      () => changed(tree, path, (key, held) => [[key, [held]]]),
      () => changed(tree, path, (key, held) => [[key, [held, held]]]),
      () =>
        changed(tree, path, (key, held) => [
          [key, typeof held === 'string' ? editText(held, [which, which, where]) : value],
        ]),
      () => changed(tree, path, (key, held) => [[key, typeof held === 'string' ? ['!', held] : value]]),
    ],
    what,
  )()
}

/** The ways to all leaves and branches but the root. */
export const placesIn = (tree: Tree): Path[] => paths(tree).slice(1)
