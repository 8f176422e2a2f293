/** Terminal colours. */
import { styleText } from 'node:util'

export type Style = 'red' | 'green' | 'yellow' | 'bold' | 'dim'
export type Paint = (style: Style, text: string) => string

const plain: Paint = (_, text) => text

/** The caller decides whether to use colours: Node would check the standard output of the process. */
const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false })

export const paintOf = (colours: boolean): Paint => (colours ? coloured : plain)
