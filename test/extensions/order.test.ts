/** Options that depend on others: the result does not depend on the order in which they are given. */
import { easy, Rule, XtablesError } from '../../src/index'

const hashlimit = (parameters: Readonly<Record<string, unknown>>): string => {
  const rule = new Rule()
  const match = rule.createMatch('hashlimit')
  for (const [name, value] of Object.entries({ name: 'x', ...parameters }))
    match.setParameter(`hashlimit-${name}`, value)
  return String(rule)
    .replace('-m hashlimit ', '')
    .replace(/--hashlimit-/g, '')
}

test.each([
  [{ upto: '3/min' }, 'upto 3/min burst 5 name x'],
  [{ burst: 7, upto: '3/min' }, 'upto 3/min burst 7 name x'],
  [{ 'htable-expire': 1000, upto: '3/min' }, 'upto 3/min burst 5 name x htable-expire 1000'],
  [{ 'htable-expire': 60000, upto: '3/min' }, 'upto 3/min burst 5 name x'],
  [{ burst: '1mb', above: '512kb/s' }, 'above 512kb/s burst 1mb name x'],
  [{ above: '3/sec', upto: '512kb/s' }, 'upto 512kb/s name x'],
  [{ upto: '512kb/s', above: '3/sec' }, 'above 3/sec burst 5 name x'],
  [{ upto: '3/min', 'rate-match': true }, 'upto 3/sec burst 5 name x htable-expire 60000 rate-match rate-interval 60'],
  [{ 'rate-match': true, upto: '3/min' }, 'upto 3/sec burst 5 name x htable-expire 60000 rate-match rate-interval 60'],
  [{ upto: '3/sec', 'rate-interval': 5, 'rate-match': true }, 'upto 3/sec burst 5 name x rate-match rate-interval 5'],
])('%j', (parameters, text) => {
  expect(hashlimit(parameters)).toBe(text)
})

test('a rule of a dictionary needs no expiry time', () => {
  const rule = easy.encodeRule({ hashlimit: { hashlimit: '10/hour', hashlimitName: 'x', hashlimitMode: 'srcip' } })
  expect(String(rule)).toBe(
    '-m hashlimit --hashlimit-upto 10/hour --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name x',
  )
})

test('an option does not change what another one has stored', () => {
  expect(() => hashlimit({ upto: '512kb/s', burst: 1 })).toThrow(XtablesError)
  const rule = new Rule()
  const match = rule.createMatch('statistic')
  match.setParameter('every', 3)
  expect(() => match.setParameter('mode', 'random')).toThrow('--every cannot be "3": it needs --mode nth')
  expect(match.parameters).toEqual({ every: '3', packet: '0' })
})

test('a value may be omitted if another option determines it', () => {
  const [one, two] = [
    '--rateest1 a --rateest-lt --rateest-bps --rateest2 b',
    '--rateest a --rateest-lt --rateest-bps 8bit',
  ]
  for (const words of [one, two]) expect(String(Rule.parse(`-m rateest ${words}`))).toBe(`-m rateest ${words}`)
  const rule = Rule.parse(`-m rateest ${one}`)
  expect(easy.decodeRule(rule)).toMatchObject({
    rateest: { rateest1: 'a', 'rateest-lt': '', 'rateest-bps': '', rateest2: 'b' },
  })
  expect(String(easy.encodeRule(easy.decodeRule(rule)))).toBe(`-m rateest ${one}`)
})
