import { layouts } from '../support/layouts'
import sizes from './sizes.json'

const measured: Record<string, { size: number; offsets: Record<string, number> }> = sizes

describe('layouts are what a C compiler makes of the kernel’s headers', () => {
  test.each(layouts)('$cName', ({ cName, size, fields }) => {
    expect({ size, offsets: Object.fromEntries(fields.map(({ name, offset }) => [name, offset])) }).toEqual(
      measured[cName],
    )
  })

  test('every struct that was measured is still there', () => {
    expect(layouts.map(({ cName }) => cName).sort()).toEqual(Object.keys(measured).sort())
  })
})
