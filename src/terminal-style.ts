/** Colours for terminals. */
import { styleText } from 'node:util'

export type Style = 'red' | 'green' | 'yellow' | 'bold' | 'dim'
export type Paint = (style: Style, text: string) => string

const plain: Paint = (_, text) => text

/** Whether there are to be colours is for the caller to say: Node would look at the standard output of the process. */
const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false })

export const paintOf = (colours: boolean): Paint => (colours ? coloured : plain)
