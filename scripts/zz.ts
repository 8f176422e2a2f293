import { restore } from '../src/index'
import { spawnSync, execSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
const text = readFileSync('/tmp/nb.txt', 'utf8')
for (let k = 0; k < 4; k++) { 
execSync('nft flush ruleset')
const c = process.cpuUsage(), t = performance.now(); restore(text, { backend: 'nft' }); const d = process.cpuUsage(c); console.log('restore wall', (performance.now() - t).toFixed(0), 'user', (d.user/1000).toFixed(0), 'sys', (d.system / 1000).toFixed(0)) 
}
for (let k = 0; k < 3; k++) { 
execSync('nft flush ruleset')
console.log(String(spawnSync('bash', ['-c', 'time iptables-nft-restore </tmp/nb.txt']).stderr)) }
