/** Compares our translation of the accepted lines with that of iptables-translate. */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { splitWords } from '../../src/language/quoting'
import { run } from '../cli/run'
import { ruleLine } from '../support/cases'
import { explained } from '../support/deviations'
import { nativeFixtures, type Translated } from '../support/native-fixtures'
import { translateCommand } from '../support/native-oracle'
import { type TranslateDeviation, translateDeviations } from '../support/translate-deviations'

const applied = new Set<TranslateDeviation>()

function difference({ line, text, status }: Translated, table: string, family: FamilyName): string | undefined {
  if (explained('refused', line) !== undefined) return undefined
  const words = ['-t', table, ...splitWords(line)]
  const said = run(translateCommand(FAMILIES[family]), words)
  const repeated = `nft # ${words.map((word) => `${word} `).join('')}\n`.replaceAll('\n', ' ')
  const isRepeated = said.stdout.startsWith('nft # ')
  if (isRepeated) expect(said.stdout.replaceAll('\n', ' ')).toBe(repeated)
  // The tool does not escape quotes.
  const ours = isRepeated ? undefined : said.stdout.replace(/\n$/, '').replaceAll("'\\''", "'")
  if (said.status === status && ours === text) return undefined
  const what = ours === undefined ? 'none' : text === undefined ? 'more' : 'other'
  const found = translateDeviations.filter(
    (one) => one.what === what && one.lines.test(`${line} `) && (one.family ?? family) === family,
  )
  for (const one of found) applied.add(one)
  return found.length > 0 && said.status === 0
    ? undefined
    : `${line}\n  ours   ${said.status} ${ours ?? said.stderr}\n  theirs ${status} ${text}`
}

describe.each(nativeFixtures().map((one) => [`${one.family} ${one.name}`, one] as const))(
  '%s',
  (_, { family, table, lines }) => {
    test('is translated as by iptables-translate', () => {
      for (const { line } of lines) ruleLine(line)
      expect(lines.flatMap((one) => difference(one, table, family) ?? []).join('\n')).toBe('')
    })
  },
)

test.each(translateDeviations.map((one) => [`${one.lines}: ${one.why}`, one] as const))('%s', (_, one) => {
  expect(applied.has(one)).toBe(true)
})
