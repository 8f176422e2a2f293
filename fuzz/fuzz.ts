/**
 * Bad input of every kind, and what must hold of it: fuzz/kind.ts and fuzz/guard.ts. A fault is printed with what
 * repeats it.
 *
 *   npm run fuzz
 *   npm run fuzz -- rule --count 20000 --seed 7
 *   npm run fuzz -- rule --recipe '{"item":1,"edits":[[0,1,2]],"choice":0}'
 */
import { parseArgs } from 'node:util'
import { isolate } from './guard'
import { KINDS } from './kinds/index'

function numberOf(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not ${value}`)
  return number
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { count: { type: 'string' }, seed: { type: 'string' }, recipe: { type: 'string' } },
  })
  const names = positionals.length > 0 ? positionals : Object.keys(KINDS)
  const unknown = names.find((name) => !Object.hasOwn(KINDS, name))
  if (unknown !== undefined) throw new Error(`there is no kind ${unknown}; accepted: ${Object.keys(KINDS).join(', ')}`)
  const count = numberOf('count', values.count, 1_000_000)
  const seed = numberOf('seed', values.seed, Date.now() % 0x7fff_ffff)
  isolate()
  if (values.recipe !== undefined) {
    for (const name of names) KINDS[name]?.runOne(JSON.parse(values.recipe))
    return
  }
  for (const name of names) {
    const start = performance.now()
    KINDS[name]?.run({ seed, count })
    const ms = performance.now() - start
    console.log(`${name}: ${count} inputs from seed ${seed}, ${((ms * 1000) / count).toFixed(0)} µs each`)
  }
}

main()
