import { layouts } from '../support/layouts'
import sizes from './sizes.json'

const measured: Record<string, { size: number; offsets: Record<string, number> }> = sizes

describe('layouts equal those that a C compiler computes from the kernel’s headers', () => {
  test.each(layouts)('$cName', ({ cName, size, fields }) => {
    expect({ size, offsets: Object.fromEntries(fields.map(({ name, offset }) => [name, offset])) }).toEqual(
      measured[cName],
    )
  })

  test('every measured struct still exists', () => {
    expect(layouts.map(({ cName }) => cName).sort()).toEqual(Object.keys(measured).sort())
  })
})
