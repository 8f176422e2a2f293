/** Checks the colours of the page against the contrast that WCAG 2 requires for text (1.4.3, level AA). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const CSS = readFileSync(join(__dirname, '../../src/ui/page/page.css'), 'utf8')
/** The colours by name, first those of the light theme, then those of the dark one. */
const [LIGHT, DARK] = [...CSS.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, body = '']) =>
    new Map([...body.matchAll(/--([\w-]+): (#[\da-f]{6});/g)].map(([, name, colour]) => [name, colour])),
)

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(...colours: readonly [string, string]): number {
  const [dark, light] = colours.map(luminance).sort((a, b) => a - b) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

/** Foreground and background colours. */
const PAIRS = [
  ...['text', 'dim', 'accent', 'accept', 'drop', 'warn'].flatMap((text) => [
    [text, 'ground'],
    [text, 'panel'],
  ]),
  ...['accent', 'accept', 'drop', 'warn'].map((kind) => [kind, `${kind}-ground`]),
  ...['accept-ground', 'drop-ground', 'accent-ground', 'box'].map((ground) => ['text', ground]),
  ['dim', 'box'],
] as [string, string][]

test.each([
  ['light', LIGHT],
  ['dark', DARK],
])('text has enough contrast: %s', (_, colours = new Map()) => {
  expect(colours.size).toBeGreaterThan(10)
  const low = PAIRS.filter((names) => {
    const [text, ground] = names.map((name) => colours.get(name)) as [string, string]
    return contrast(text, ground) < 4.5
  })
  expect(low).toEqual([])
})

test('no text is transparent', () => {
  expect([...CSS.matchAll(/opacity: (?!1;)[^;]+;/g)].map(([text]) => text)).toEqual([])
})
