/**
 * Generated command lines, restore texts and texts for iptables-xml, ours against the tools: the same status and output,
 * and the same tables afterwards. XTABLES_TEST_COMMANDS tries more of each, XTABLES_TEST_SEED others.
 */
import { encodeText } from '../../src/binary/text'
import { explainedXml } from '../cli/deviations'
import { Random } from '../kernel/random'
import { ourXml } from '../support/applets'
import { xmlOptions, xmlText } from '../support/generated-commands'
import { type Outcome, run } from '../support/oracle'

const { XTABLES_TEST_COMMANDS, XTABLES_TEST_SEED = '1' } = process.env
const newRandom = (): Random => new Random(Number(XTABLES_TEST_SEED))
const countOf = (few: number): number => Number(XTABLES_TEST_COMMANDS ?? few)

const times = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The lines in which two outcomes differ, as `what | line`: ours behind `+`, theirs behind `-`. */
function differences(mine: Outcome, other: Outcome): string[] {
  if (mine.status !== other.status)
    return [`+ status ${mine.status}: ${mine.stderr}`, `- status ${other.status}: ${other.stderr}`]
  return (['stdout', 'stderr'] as const).flatMap((what) => {
    const [ours, theirs] = [mine[what].split('\n'), other[what].split('\n')]
    const at = ours.findIndex((line, i) => line !== theirs[i])
    if (at < 0 && ours.length === theirs.length) return []
    return [`+ ${what} ${ours.slice(at, at + 3).join('\n')}`, `- ${what} ${theirs.slice(at, at + 3).join('\n')}`]
  })
}

test('iptables-xml', () => {
  const random = newRandom()
  let accepted = 0
  const different = times(countOf(200)).flatMap(() => {
    const [options, text] = [xmlOptions(random), xmlText(random)]
    const [mine, other] = [ourXml(options, text), run('iptables-xml', options, encodeText(text))]
    if (mine.status === 0) accepted++
    // What is listed as refused must not be taken, whatever the tool says.
    if (explainedXml('refused', text) !== undefined) return mine.status === 0 ? [`taken: ${text}`] : []
    if (explainedXml('text', text) !== undefined && mine.status === other.status) return []
    const found = differences(mine, other)
    return found.length === 0 ? [] : [[...found, options.join(' '), text].join('\n')]
  })
  expect(different.slice(0, 5).join('\n')).toBe('')
  expect(accepted).toBeGreaterThan(0)
})
