/** The checks of `npm run reliability`, small. */
import { CHECKS } from '../../reliability/checks'

test.each(Object.entries(CHECKS).map(([name, check]) => [name, check] as const))(
  '%s',
  async (_, { run, small }) => {
    expect(await run(small)).toMatch(/\d/)
  },
  300_000,
)
