/** docs/kernels.md: a run of some checks leaves the results of others unchanged. */
import { type Trial, withTrial } from '../kernels/page'
import type { Check, CheckName } from '../kernels/results'

const PAGE = `Prose.

<!-- rows -->

| kernel | Node | quickstart | of old |
| --- | --- | --- | --- |
| \`linux-image-6.10\` | v20 | 7 | x |
| \`linux-image-6.2\` | v20 | 1 | x |

<!-- end of rows -->

More prose.
`

const check = (name: CheckName, rest: Partial<Check> = {}): Check => ({
  ...{ name, passed: 3, failed: 0, skipped: 0, notes: [], parts: 1, done: 1, seconds: 1 },
  ...rest,
})

const trial = (checks: readonly Check[], rest: Partial<Trial> = {}): Trial => ({
  name: 'linux-image-6.2',
  wanted: { checks: checks.map(({ name }) => name), scope: 'sample' },
  results: { release: '6.2', node: 'v22', loadedBefore: [], loadedAfter: 0, checks },
  ...rest,
})

const row = (page: string, name = 'linux-image-6.2'): string | undefined =>
  page
    .split('\n')
    .find((line) => line.startsWith(`| \`${name}\``))
    ?.replace(/ +/g, ' ')

test('running a check leaves the results of others', () => {
  const first = withTrial(PAGE, trial([check('live')]))
  expect(row(first)).toBe('| `linux-image-6.2` | v22 | – | 1 | – | 3 of the sample | – |')
  const second = withTrial(first, trial([check('conformance', { passed: 9, failed: 2, skipped: 4 })]))
  expect(row(second)).toBe(
    '| `linux-image-6.2` | v22 | – | 1 | – | 3 of the sample | 9 of the sample, **2 failed**, 4 skipped |',
  )
  expect(row(second, 'linux-image-6.10')).toBe('| `linux-image-6.10` | v20 | – | 7 | – | – | – |')
})

test('rows are sorted by version, and prose stays', () => {
  const page = withTrial(PAGE, trial([check('quickstart')]))
  expect(page.indexOf('linux-image-6.2')).toBeLessThan(page.indexOf('linux-image-6.10'))
  expect(page).toMatch(/^Prose\.\n/)
  expect(page).toMatch(/\n\nMore prose\.\n$/)
})

test('requested but missing results are reported', () => {
  const stopped = withTrial(PAGE, trial([check('live', { parts: 10, done: 4 })]))
  expect(row(stopped)).toContain('| 3 of the sample, 6 of 10 parts not reached |')
  const dead: Trial = {
    name: 'linux-image-6.2',
    wanted: { checks: ['quickstart'], scope: 'sample' },
    fault: 'it burnt',
  }
  expect(row(withTrial(PAGE, dead))).toBe('| `linux-image-6.2` | v20 | – | **not run**: it burnt | – | – | – |')
})
