/**
 * Generated rule lines, ours against iptables-legacy: accepted or refused alike, the same bytes and text.
 * XTABLES_TEST_LINES tries more of them a group, XTABLES_TEST_EXTENSIONS those of some extensions (names with commas),
 * XTABLES_TEST_SEED others.
 */
import { Random } from '../kernel/random'
import { generatedCase } from '../support/generated'
import { liveCases } from '../support/here'
import { tryDeviations, tryGenerated, tryRefused } from '../support/trial'

const { XTABLES_TEST_LINES = '30', XTABLES_TEST_EXTENSIONS = 'all', XTABLES_TEST_SEED = '1' } = process.env
const wanted = XTABLES_TEST_EXTENSIONS.split(',')
const named = liveCases
  .filter(({ extension, accepted }) => accepted.length > 20 && (wanted.includes('all') || wanted.includes(extension)))
  .map((one) => [`${one.family.name} ${one.table} ${one.name}`, one] as const)

test.each(named)(
  'lines like those of %s',
  (_, one) => {
    const lines = generatedCase(new Random(Number(XTABLES_TEST_SEED)), one, Number(XTABLES_TEST_LINES))
    // What iptables-legacy refuses may be refused for more than one reason.
    const deviating = tryDeviations({ ...lines, refused: [] })
    expect([...tryGenerated(lines), ...tryRefused(lines), ...deviating]).toEqual([])
    // Else this would compare refusals alone; of a few lines, all may be refused.
    if (lines.accepted.length + lines.refused.length > 100) expect(lines.accepted.length).toBeGreaterThan(0)
  },
  600_000,
)
