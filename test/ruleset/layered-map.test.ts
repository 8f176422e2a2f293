/** A map that shares data with the map that it was copied from behaves like a Map. */
import fc from 'fast-check'
import { LayeredMap } from '../../src/ruleset/layered-map'

type Step = readonly ['set' | 'delete' | 'copy' | 'back', name: string, value: number]

const aName = fc.nat(30).map((n) => `c${n}`)

const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom('set', 'delete', 'copy', 'back'), aName, fc.nat())

const differing = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): string[] =>
  [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name)).sort()

test('it has the entries of a Map in the same order, and so do its copies; the differences are complete', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(aName, fc.nat())), fc.array(step, { maxLength: 80 }), (initial, steps) => {
      const model = new Map(initial)
      /** Every copy that was made, with its expected contents. */
      const versions: [LayeredMap<number>, Map<string, number>][] = [[new LayeredMap(model), new Map(model)]]
      for (const [what, name, value] of steps) {
        const [map, like] = versions.at(-1) as (typeof versions)[number]
        if (what === 'set') for (const one of [map, like]) one.set(name, value)
        else if (what === 'delete') expect(map.delete(name)).toBe(like.delete(name))
        else if (what === 'copy') versions.push([new LayeredMap(map), new Map(like)])
        else versions.unshift(versions.pop() as (typeof versions)[number])
      }
      for (const [map, like] of versions) {
        expect([...map]).toEqual([...like])
        expect([[...map.keys()], [...map.values()], map.size]).toEqual([
          [...like.keys()],
          [...like.values()],
          like.size,
        ])
        for (const name of like.keys()) expect([map.has(name), map.get(name)]).toEqual([true, like.get(name)])
        for (const [other, otherLike] of versions)
          expect(LayeredMap.differences(map, other).sort()).toEqual(differing(like, otherLike))
      }
    }),
    { numRuns: 300 },
  )
})

test('setting and deleting during iteration works as in a Map', () => {
  const map = new LayeredMap(new Map(['a', 'b', 'c'].map((name, i) => [name, i] as const)))
  map.set('d', 3)
  for (const [name, value] of map)
    if (name === 'b') map.delete(name)
    else map.set(name, value + 10)
  expect([...map]).toEqual([
    ['a', 10],
    ['c', 12],
    ['d', 13],
  ])
})
