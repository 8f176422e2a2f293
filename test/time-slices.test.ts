import { atOnce, inSlices, type Sliced } from '../src/time-slices'

function* counting(to: number, wait = 0): Sliced<number> {
  for (let i = 0; i < to; i++) {
    for (const end = performance.now() + wait; performance.now() < end; );
    yield
  }
  return to
}

test('work has the same result at once and in slices', async () => {
  expect(atOnce(counting(5))).toBe(5)
  await expect(inSlices(counting(5))).resolves.toBe(5)
})

test('in slices, other work gets its turn', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await inSlices(counting(20, 2))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(3)
})

test('both throw the errors of the work', async () => {
  function* failing(): Sliced<void> {
    yield
    throw new Error('no')
  }
  expect(() => atOnce(failing())).toThrow('no')
  await expect(inSlices(failing())).rejects.toThrow('no')
})
