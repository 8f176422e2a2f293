/** Text of iptables-save, with the edits that a person, a template or a broken pipe makes. */
import { type FamilyName, MemoryKernel, restore, save as saveText } from '../../src/index'
import { XmlError, XmlWriter } from '../../src/language/xml'
import { setsOf, texts } from '../corpus'
import { editText, editWords } from '../edit'
import { refused } from '../guard'
import { insist, type Kind, pick } from '../kind'

interface Input {
  readonly family: FamilyName
  readonly text: string
}

const lineLists = texts.map(({ text }) => text.split('\n'))
const sets = setsOf()

/** The tables that a text makes; undefined where it is refused. */
function restored({ family, text }: Input, counters: boolean): string | undefined {
  const place = { kernel: new MemoryKernel({ sets }), ipv6: family === 'ipv6', counters }
  const tried = refused(() => [restore(text, { ...place, test: true })])
  const done = refused(() => [restore(text, place)])
  // A trial of several tables finds each as it was before the text.
  insist((tried === undefined) === (done === undefined), () => 'a trial says otherwise')
  return done && inOrder(saveText(place).replaceAll(/^#.*\n/gm, ''))
}

/** Tables are saved newest first. */
const inOrder = (text: string): string =>
  text
    .split(/^(?=\*)/m)
    .sort()
    .join('')

function convert(text: string): void {
  try {
    new XmlWriter({ combine: true, verbose: false }).convert(text)
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
  }
}

export const save: Kind<Input> = {
  name: 'save',
  make({ item, edits }) {
    const { family } = pick(texts, item)
    const isOfLines = ([what]: readonly number[]): boolean => (what as number) % 3 === 0
    const lines = edits
      .filter(isOfLines)
      .reduce((all, edit) => editWords(all, edit, lineLists), pick(lineLists, item) as readonly string[])
    return { family, text: edits.filter((edit) => !isOfLines(edit)).reduce(editText, lines.join('\n')) }
  },
  examine(input, choice) {
    const counters = choice % 2 === 0
    refused(() => convert(input.text))
    const saved = restored(input, counters)
    if (saved === undefined) return
    const again = restored({ ...input, text: saved }, counters)
    insist(again === saved, () => `saved as\n${saved}\nand that as\n${again}`)
  },
  size: ({ text }) => text.length,
  show: ({ family, text }) => `${family} ${JSON.stringify(text)}`,
}
