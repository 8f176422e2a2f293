/** The two kinds of files in JSON: dumps, which `apply` makes tables of, and captures. */
import { isDeepStrictEqual } from 'node:util'
import { apply } from '../../src/cli/dumps'
import { captureFromJson, captureToJson, easy, type FamilyName, MemoryKernel, restore, save } from '../../src/index'
import { parseJson, toJson } from '../../src/json'
import { captureTable } from '../../src/kernel/capture'
import { setsOf, texts } from '../corpus'
import { editText, editTree, repeatKey } from '../edit'
import { refused } from '../guard'
import { type Edit, insist, type Kind, pick } from '../kind'

interface Input {
  readonly what: 'dump' | 'capture'
  readonly family: FamilyName
  readonly text: string
}

const sets = setsOf()
const SETS = { four: { index: 0, family: 'ipv4' }, any: { index: 7, family: 'any' } }

/** Every table of the corpus that `restore` takes, in both forms. */
const files: readonly (Omit<Input, 'text'> & { tree: unknown })[] = texts
  .filter((_, i) => i % 16 === 0)
  .flatMap(({ family, text }) => {
    const place = { kernel: new MemoryKernel({ sets }), ipv6: family === 'ipv6' }
    if (refused(() => [restore(text, place)]) === undefined) return []
    const [table = ''] = place.kernel.tables(family)
    const capture = captureToJson(captureTable(place.kernel, family, table))
    return [
      { what: 'dump', family, tree: JSON.parse(toJson(easy.dumpAll(place))) } as const,
      { what: 'capture', family, tree: { ...capture, sets: SETS } } as const,
    ]
  })

const trees = files.map(({ tree }) => tree)

/** Of a tree as JSON.parse makes it, the keys; it has fewer than the text where one is repeated. */
function keysIn(tree: unknown): number {
  if (typeof tree !== 'object' || tree === null) return 0
  const within = Object.values(tree).reduce((sum: number, one) => sum + keysIn(one), 0)
  return Array.isArray(tree) ? within : within + Object.keys(tree).length
}

const colonsIn = (text: string): number => text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1

/** What one who reads the file sees is what is done. */
function checkKeys({ text }: Input): void {
  const tree = refused(() => parseJson(text, 'the file'))
  if (tree !== undefined) insist(keysIn(tree) === colonsIn(text), () => 'a key is there twice, and one is passed over')
}

function applied({ family, text }: Input): string | undefined {
  const kernel = new MemoryKernel({ sets })
  const words = family === 'ipv6' ? ['--json', '-6'] : ['--json']
  const before = save({ kernel, ipv6: family === 'ipv6' })
  const open = { kernel, writing: {}, save() {}, [Symbol.dispose]() {} } as Parameters<typeof apply>[1]
  const isDone = refused(() => [apply(words, open, { stdin: () => text, stdout() {} })])
  const place = { kernel, ipv6: family === 'ipv6' }
  if (isDone) return toJson(easy.dumpAll(place))
  insist(save(place).replaceAll(/^#.*\n/gm, '') === before || isEmpty(place), () => 'refused, it has changed a table')
  return undefined
}

/** Tables that were only asked for hold no rules. */
const isEmpty = (place: { kernel: MemoryKernel; ipv6: boolean }): boolean =>
  Object.values(easy.dumpAll(place)).every((chains) => Object.values(chains).every((rules) => rules.length === 0))

function examineDump(input: Input): void {
  const dumped = applied(input)
  if (dumped === undefined) return
  const again = applied({ ...input, text: dumped })
  insist(again === dumped, () => `dumped as\n${dumped}\nand that as\n${again}`)
}

function examineCapture({ text }: Input): void {
  const json = refused(() => parseJson(text, 'the file'))
  if (json === undefined) return
  const capture = refused(() => captureFromJson(json))
  if (capture === undefined) return
  insist(isDeepStrictEqual(captureToJson(capture), json), () => `read as ${JSON.stringify(captureToJson(capture))}`)
  const kernel = refused(() => new MemoryKernel({ captures: [capture] }))
  if (kernel !== undefined) refused(() => save({ kernel, ipv6: capture.family === 'ipv6', counters: true }))
}

export const json: Kind<Input> = {
  name: 'json',
  make({ item, edits }) {
    const { tree, ...file } = pick(files, item)
    const by = (remainders: readonly number[]): Edit[] => edits.filter(([what]) => remainders.includes(what % 8))
    const edited = by([1, 2, 3, 5, 6]).reduce((all, edit) => editTree(all, edit, trees), tree)
    const repeated = by([7]).reduce(repeatKey, JSON.stringify(edited) ?? '')
    return { ...file, text: by([0, 4]).reduce(editText, repeated) }
  },
  examine(input) {
    checkKeys(input)
    if (input.what === 'dump') examineDump(input)
    else examineCapture(input)
  },
  size: ({ text }) => text.length,
  show: ({ what, family, text }) => `${what} ${family} ${JSON.stringify(text)}`,
}
