import { easy } from '../../src'
const N = 10000
const rules = Array.from({ length: N }, (_, i) => ['X', { protocol: 'tcp', src: `10.${i>>8&255}.${i&255}.1`, tcp: { dport: String(i + 1) }, state: { state: 'NEW,ESTABLISHED' }, comment: { comment: `rule ${i}` }, target: i & 1 ? 'ACCEPT' : { LOG: { 'log-prefix': 'x' } } }] as const)
for (let k = 0; k < 8; k++) { const s = performance.now(); for (const [, r] of rules) easy.encodeRule(r); console.log(performance.now() - s) }
