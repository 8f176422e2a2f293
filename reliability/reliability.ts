/**
 * What the library promises to those who run it for months, tried at length: see docs/reliability.md. Works in network
 * namespaces of its own; needs root, Linux, iptables and strace.
 *
 *   npm run reliability
 *   npm run reliability -- writers kills
 *   npm run reliability -- writers --scale 10
 *   npm run reliability -- writers kills --backend nft
 */
import { parseArgs } from 'node:util'
import { CHECKS } from './checks'

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { scale: { type: 'string' }, backend: { type: 'string' } },
  })
  // Whoever is started here has it, too.
  if (values.backend !== undefined) process.env['XTABLES_BACKEND'] = values.backend
  const names = positionals.length > 0 ? positionals : Object.keys(CHECKS)
  const unknown = names.find((name) => !Object.hasOwn(CHECKS, name))
  if (unknown !== undefined)
    throw new Error(`there is no check ${unknown}; accepted: ${Object.keys(CHECKS).join(', ')}`)
  for (const name of names) {
    const { run, whole, unit } = CHECKS[name] as (typeof CHECKS)[string]
    const scale = values.scale === undefined ? whole : Number(values.scale)
    if (!(scale > 0)) throw new Error(`--scale takes a number of ${unit}, not ${values.scale}`)
    const start = performance.now()
    const figures = await run(scale)
    console.log(`${name}: ${figures} (${((performance.now() - start) / 1000).toFixed(0)} s)`)
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
