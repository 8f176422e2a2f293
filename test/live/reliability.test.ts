/** Runs short versions of the checks of `npm run reliability`. */
import { CHECKS } from '../../reliability/checks'

test.each(Object.entries(CHECKS).map(([name, check]) => [name, check] as const))(
  '%s',
  async (_, { run, small }) => {
    expect(await run(small)).toMatch(/\d/)
  },
  300_000,
)

/** Checks that run on both backends. */
const OF_BOTH = ['writers', 'kills'] as const

describe('in nf_tables', () => {
  const outer = process.env['XTABLES_BACKEND']
  beforeAll(() => {
    process.env['XTABLES_BACKEND'] = 'nft'
  })
  afterAll(() => {
    if (outer === undefined) Reflect.deleteProperty(process.env, 'XTABLES_BACKEND')
    else process.env['XTABLES_BACKEND'] = outer
  })

  test.each(OF_BOTH)(
    '%s',
    async (name) => {
      const { run, small } = CHECKS[name] as (typeof CHECKS)[string]
      expect(await run(small)).toMatch(/\d/)
    },
    300_000,
  )
})
