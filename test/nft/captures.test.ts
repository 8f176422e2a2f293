/** The captures of iptables-nft and of iptables-translate are made from the rule lines as they are now. */
import { cases } from '../support/cases'
import { nativeFixtures } from '../support/native-fixtures'
import { nftFixtures } from '../support/nft-fixtures'

interface Captured {
  readonly family: string
  readonly name: string
  readonly lines: readonly { readonly line: string }[]
}

const groups = (captured: readonly Captured[]): string[] =>
  captured.map(
    ({ family, name, lines }) => `${family} ${name}: ${JSON.stringify(lines.map(({ line }) => line).sort())}`,
  )

const wanted = (isCaptured: (one: (typeof cases)[number]) => boolean): string[] =>
  groups(
    cases
      .filter((one) => one.accepted.length > 0 && isCaptured(one))
      .map(({ family, name, accepted }) => ({ family: family.name, name, lines: accepted.map((line) => ({ line })) })),
  )

test('`npm run fixtures:nft` has captured every group of rule lines', () => {
  const captured = nftFixtures().map((one) => ({ ...one, lines: [...one.rules, ...one.refused] }))
  expect(groups(captured).sort()).toEqual(wanted(({ lacking }) => lacking !== true).sort())
})

test('`npm run fixtures:native` has captured every group of rule lines', () => {
  expect(groups(nativeFixtures()).sort()).toEqual(wanted(() => true).sort())
})
