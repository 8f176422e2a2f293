/**
 * Runs ufw and fail2ban with our commands and with iptables-nft, and compares the rulesets after every step. Our command
 * is mounted over the tool in a separate mount namespace, with copies of the configuration files. It creates its own
 * network namespaces; needs root, Linux with nf_tables, iptables, ufw or fail2ban, and `npm run build`.
 *
 *   npm run firewalls
 *   npm run firewalls -- ufw
 */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const directory = mkdtempSync(join(tmpdir(), 'xtables-firewalls-'))

/** Created by `npm run build`. */
const COMMAND = join(__dirname, '../dist/xtables.js')
const MULTI = '/usr/sbin/xtables-nft-multi'

const isReadable = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** A script that replaces the program to which all names of the tool are linked. */
function wrapper(): string {
  const path = join(directory, 'xtables')
  writeFileSync(path, `#!/bin/sh\nexec ${process.execPath} ${COMMAND} "$(basename "$0")" "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

/** The output of the lines, without times and process ids. */
function runIn(isOurs: boolean, lines: readonly string[]): string {
  const script = [
    'set -e',
    'mount --make-rprivate /',
    'mount -t tmpfs tmpfs /run',
    // The rulesets are always printed by the original tool.
    `cp ${MULTI} /run/iptables-nft-save; cp ${MULTI} /run/ip6tables-nft-save`,
    'mkdir /run/etc; cp -a /etc/. /run/etc; mount --bind /run/etc /etc',
    ...(isOurs ? [`mount --bind ${wrapper()} ${MULTI}`] : []),
    'ruleset() { /run/iptables-nft-save; /run/ip6tables-nft-save; }',
    'set +e',
    ...lines,
  ].join('\n')
  const env = { ...process.env, XTABLES_BACKEND: 'nft', OURS: isOurs ? 'yes' : 'no' }
  const words = ['-n', '-m', '-p', '--fork', '--kill-child', '--mount-proc', 'bash', '-c', script]
  const { stdout, stderr, status } = spawnSync('unshare', words, { encoding: 'utf8', env, maxBuffer: 1 << 26 })
  assert.equal(status, 0, stderr)
  const said = `${stdout}${stderr}`.replace(/^# (?:Generated|Completed) .*\n/gm, '')
  return said.replace(/^\d{4}-\d\d-\d\d [\d:,]+ +(\S+) +\[\d+\]/gm, '$1')
}

/** Runs the lines with both and checks that the output is the same. @returns the output */
function same(lines: readonly string[]): string {
  const [ours, theirs] = [runIn(true, lines), runIn(false, lines)]
  assert.equal(ours, theirs)
  return ours
}

const UFW = ['/usr/sbin/ufw', '/etc/ufw/before.rules', MULTI]
const FAIL2BAN = ['/usr/bin/fail2ban-server', '/etc/fail2ban/action.d/iptables.conf', MULTI]
function tryUfw(): void {
  const said = same([
    'ufw --force enable; ruleset',
    'ufw allow 22/tcp; ufw limit ssh; ufw deny from 10.0.0.0/8 to any port 80 proto tcp',
    'ufw route allow in on eth0 out on eth1 from fd00::/8; ufw delete allow 22/tcp; ufw status numbered; ruleset',
    'ufw --force disable; ruleset',
  ])
  assert.ok(said.includes('Firewall is active and enabled on system startup'), said)
  assert.ok(said.includes('-A ufw-user-input -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j DROP'), said)
  assert.doesNotMatch(said, /ERROR|problem/i)
}

function tryFail2ban(): void {
  const jail = (name: string, action: string): string[] => [
    `[${name}]`,
    'enabled = true',
    'filter = sshd',
    'logpath = /run/log',
    'backend = polling',
    `action = ${action}`,
  ]
  const config = [
    ...jail('one', 'iptables[name=one, port=22]'),
    ...jail('many', 'iptables-multiport[name=many, port="80,443", protocol=tcp]'),
    ...jail('all', 'iptables-allports[name=all]'),
  ]
  const client = 'fail2ban-client -c /etc/fail2ban -s /run/f2b.sock -p /run/f2b.pid'
  const said = same([
    'touch /run/log; rm -f /etc/fail2ban/jail.d/*',
    `printf '%s\\n' ${config.map((line) => `'${line}'`).join(' ')} > /etc/fail2ban/jail.local`,
    `printf '[Definition]\\nlogtarget = /run/f2b.log\\ndbfile = None\\n' > /etc/fail2ban/fail2ban.local`,
    `${client} start; ruleset`,
    `for jail in one many all; do ${client} set $jail banip 192.0.2.1 192.0.2.2 2001:db8::1; done; sleep 6; ruleset`,
    `${client} set one unbanip 192.0.2.1; ${client} set all unbanip 2001:db8::1; sleep 3; ruleset`,
    `${client} reload; sleep 3; ruleset; ${client} stop; sleep 3; ruleset`,
    'grep -E "ERROR|WARN|CRIT" /run/f2b.log | cut -d" " -f3- | sed "s/\\[[0-9]*\\]//; s/0x[0-9a-f]*//g; s/[0-9a-f]\\{12\\}//g"',
  ])
  assert.ok(said.includes('-A f2b-many -s 192.0.2.1/32 -j REJECT --reject-with icmp-port-unreachable'), said)
  assert.ok(said.includes('-A f2b-all -s 2001:db8::1/128 -j REJECT --reject-with icmp6-port-unreachable'), said)
}

const FIREWALLS: Readonly<Record<string, { readonly files: readonly string[]; readonly run: () => void }>> = {
  ufw: { files: UFW, run: tryUfw },
  fail2ban: { files: FAIL2BAN, run: tryFail2ban },
}

const given = process.argv.slice(2)
try {
  for (const name of given.length > 0 ? given : Object.keys(FIREWALLS)) {
    const firewall = FIREWALLS[name]
    if (firewall === undefined) throw new Error(`there is no ${name}; there are ${Object.keys(FIREWALLS).join(', ')}`)
    const missing = [...firewall.files, COMMAND].filter((path) => !isReadable(path))
    if (missing.length > 0)
      throw new Error(`${name}: ${missing.join(', ')} not there: apt-get install ${name} iptables; npm run build`)
    const start = performance.now()
    firewall.run()
    console.log(
      `${name}: the same rulesets by our commands as by iptables-nft, in ${((performance.now() - start) / 1000).toFixed(0)} s`,
    )
  }
} finally {
  rmSync(directory, { recursive: true })
}
