import { giveBack, takeBuffer, takeZeros } from '../../src/binary/buffers'

const BIG = 1_000_000

test('a returned buffer is reused by one user', () => {
  const first = takeBuffer(BIG)
  giveBack(first.subarray(96))
  giveBack(first)
  const [second, third] = [takeBuffer(BIG + 1000), takeBuffer(BIG)]
  expect(second.buffer).toBe(first.buffer)
  expect(second).toHaveLength(BIG + 1000)
  expect(third.buffer).not.toBe(first.buffer)
})

test('buffers that are too small or far too large are not reused', () => {
  const first = takeBuffer(BIG)
  giveBack(first)
  expect(takeBuffer(2 * BIG).buffer).not.toBe(first.buffer)
  expect(takeBuffer(BIG / 4).buffer).not.toBe(first.buffer)
})

test('a zeroed buffer is zero, whether new or reused', () => {
  const used = takeBuffer(BIG).fill(1)
  giveBack(used)
  const zeros = takeZeros(BIG)
  expect(zeros.buffer).toBe(used.buffer)
  expect([zeros, takeZeros(BIG), takeZeros(100)].every((bytes) => bytes.every((byte) => byte === 0))).toBe(true)
})

test('small buffers are new and empty', () => {
  const small = takeBuffer(100).fill(1)
  giveBack(small)
  expect(takeBuffer(100)).toEqual(new Uint8Array(100))
})
