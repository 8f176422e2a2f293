/**
 * Compares generated rule lines with iptables-legacy: both accept or refuse them, and bytes and text are the same.
 * XTABLES_TEST_LINES sets how many for each group, XTABLES_TEST_EXTENSIONS for which extensions (names separated by
 * commas), XTABLES_TEST_SEED which ones.
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
  'lines similar to those of %s',
  (_, one) => {
    const lines = generatedCase(new Random(Number(XTABLES_TEST_SEED)), one, Number(XTABLES_TEST_LINES))
    // For lines that iptables-legacy refuses, there may be several reasons.
    const deviating = tryDeviations({ ...lines, refused: [] })
    expect([...tryGenerated(lines), ...tryRefused(lines), ...deviating]).toEqual([])
    // Otherwise, only refusals would be compared. If there are few lines, all of them may be refused.
    if (lines.accepted.length + lines.refused.length > 100) expect(lines.accepted.length).toBeGreaterThan(0)
  },
  600_000,
)
