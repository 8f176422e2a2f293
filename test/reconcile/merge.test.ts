/** Merges two lists with a common origin: the result contains the changes of both. */
import fc from 'fast-check'
import { merged } from '../../src/reconcile/merge'

const lettersOf = (word: string): number[] => [...word].map((letter) => letter.charCodeAt(0))

test.each([
  // base, theirs, ours, result
  ['ab', 'ab', 'ba', 'ba'],
  ['ab', 'axb', 'ab', 'axb'],
  ['nab', 'nxab', 'ab', 'xab'],
  ['anb', 'anxb', 'aob', 'aoxb'],
  ['anb', 'axnb', 'aob', 'axob'],
  ['n', 'nx', '', 'x'],
  ['', 'x', 'o', 'xo'],
  ['ab', 'b', 'abo', 'bo'],
  ['nm', 'm', 'oo', 'oo'],
  // The element to remove was never there.
  ['nb', 'axb', 'ab', 'axb'],
  ['nb', 'axcb', 'acb', 'axcb'],
  ['n', 'cxa', 'ac', 'acx'],
  ['aa', 'axa', 'aaa', 'axaa'],
])('%s, %s and %s make %s', (base, theirs, ours, result) => {
  expect(merged(lettersOf(base), lettersOf(theirs), lettersOf(ours))).toEqual(lettersOf(result))
})

const list = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 8 })

test('if one side has changed nothing, the result is the other', () => {
  fc.assert(
    fc.property(list, list, (base, other) => {
      expect(merged(base, base, other)).toEqual(other)
      expect(merged(base, other, base)).toEqual(other)
      expect(merged(base, other, other)).toEqual(other)
    }),
  )
})

test('insertions of others stay, and elements of both sides occur as often as possible', () => {
  // Their elements differ from those of base and ours, so that it is clear where each comes from.
  const foreign = fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 10, max: 12 })), { maxLength: 4 })
  fc.assert(
    fc.property(list, list, foreign, (base, ours, put) => {
      const theirs = put.reduce((all, [at, one]) => all.toSpliced(at % (all.length + 1), 0, one), base)
      const result = merged(base, theirs, ours)
      expect(result.filter((one) => one < 10)).toEqual(ours)
      expect(result.filter((one) => one >= 10)).toEqual(theirs.filter((one) => one >= 10))
    }),
  )
})

test('what others deleted does not come back', () => {
  const put = fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 10, max: 12 })), { maxLength: 4 })
  fc.assert(
    fc.property(list, put, fc.integer({ min: 0, max: 5 }), (base, added, gone) => {
      const ours = added.reduce((all, [at, one]) => all.toSpliced(at % (all.length + 1), 0, one), base)
      const theirs = base.filter((one) => one !== gone)
      expect(merged(base, theirs, ours)).toEqual(ours.filter((one) => one !== gone))
    }),
  )
})
