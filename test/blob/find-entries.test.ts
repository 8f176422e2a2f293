/** Two ways to find the entries of a blob: by half words if all is regular, and by checking each entry. */
import fc from 'fast-check'
import { FAMILIES } from '../../src/abi/family'
import { u16 } from '../../src/binary/codec'
import { findEntries } from '../../src/blob/find-entries'
import { BlobError } from '../../src/errors'
import {
  checkEntry,
  isErrorTarget,
  isStandard,
  isUnconditional,
  matchParts,
  nextOffset,
  readVerdict,
  targetPart,
} from '../../src/ruleset/entry'
import { ENDS, STAYS } from '../../src/ruleset/kernel-entries'
import { atOnce } from '../../src/time-slices'
import { fixtures } from '../support/fixtures'

const blobs = fixtures().map(({ capture }) => ({ family: FAMILIES[capture.family], bytes: capture.entries }))

/** The entries, or the offset of the error. */
function attempt<T>(body: () => T): T | number {
  try {
    return body()
  } catch (error) {
    if (error instanceof BlobError) return error.offset
    throw error
  }
}

function closely({ family, bytes }: (typeof blobs)[number]) {
  const found = { starts: [] as number[], destinations: [] as number[], jumps: [] as number[], heads: [] as number[] }
  for (let at = 0; at < bytes.length; ) {
    const size = checkEntry(family, bytes, at)
    const target = targetPart(family, bytes, at)
    const verdict = isStandard(bytes, target) ? readVerdict(bytes, target) : undefined
    if (verdict !== undefined && verdict >= 0) found.jumps.push(found.starts.length)
    if (isErrorTarget(bytes, target)) found.heads.push(found.starts.length)
    const ends = verdict !== undefined && verdict < 0 && isUnconditional(family, bytes, at)
    found.destinations.push(ends ? ENDS : STAYS)
    found.starts.push(at)
    at += size
  }
  found.starts.push(bytes.length)
  return found
}

function quickly({ family, bytes }: (typeof blobs)[number], count: number) {
  const { starts, destinations, jumps, heads } = atOnce(findEntries(family, bytes, count))
  return { starts: [...starts], destinations: [...destinations], jumps: [...jumps], heads: [...heads.keys()] }
}

const same = (blob: (typeof blobs)[number]): void => {
  const expected = attempt(() => closely(blob))
  const count = typeof expected === 'number' ? 1e6 : expected.destinations.length
  expect(attempt(() => quickly(blob, count))).toEqual(expected)
}

test('both find the same entries in every fixture', () => {
  for (const blob of blobs) same(blob)
})

test('both find the same entries if only the sizes of matches fit together', () => {
  let tried = 0
  for (const { family, bytes } of blobs)
    for (let at = 0; at < bytes.length; at += nextOffset(family, bytes, at)) {
      const [one, other] = matchParts(family, bytes, at)
      if (one === undefined || other === undefined || other.size < 40) continue
      const damaged = bytes.slice()
      u16.write(damaged, one.at, one.size + 4)
      u16.write(damaged, one.at + one.size + 4, other.size - 4)
      same({ family, bytes: damaged })
      if (++tried === 50) return
    }
  expect(tried).toBeGreaterThan(0)
})

test('both find the same entries in damaged blobs', () => {
  const small = blobs.filter(({ bytes }) => bytes.length < 20_000)
  const damage = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 8, 16, 32, 40, 69, 112, 152, 255)), {
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(fc.constantFrom(...small), damage, fc.nat(), ({ family, bytes }, changes, cut) => {
      const damaged = bytes.slice(0, cut % 4 === 0 ? cut % bytes.length : bytes.length)
      // Most damage should be where entries and their parts store sizes.
      for (const [at, value] of changes)
        if (damaged.length > 0) damaged[(at % 2 === 0 ? at * 8 : at) % damaged.length] = value
      same({ family, bytes: damaged })
    }),
    { numRuns: 2000 },
  )
})
