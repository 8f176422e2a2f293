/** The two kinds of files in JSON: dumps, which `apply` makes tables of, and captures. */
import { isDeepStrictEqual } from 'node:util'
import { captureFromJson, captureToJson, easy, type FamilyName, MemoryKernel, restore, save } from '../../src'
import { parseJson } from '../../src/cli/json'
import { apply, toJson } from '../../src/cli/own'
import { captureTable } from '../../src/kernel/capture'
import { setsOf, texts } from '../corpus'
import { editText, editTree } from '../edit'
import { refused } from '../guard'
import { insist, type Kind, pick } from '../kind'

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
    const isOfText = ([what]: readonly number[]): boolean => (what as number) % 4 === 0
    const edited = edits.filter((edit) => !isOfText(edit)).reduce((all, edit) => editTree(all, edit, trees), tree)
    return { ...file, text: edits.filter(isOfText).reduce(editText, JSON.stringify(edited) ?? '') }
  },
  examine: (input) => (input.what === 'dump' ? examineDump(input) : examineCapture(input)),
  size: ({ text }) => text.length,
  show: ({ what, family, text }) => `${what} ${family} ${JSON.stringify(text)}`,
}
