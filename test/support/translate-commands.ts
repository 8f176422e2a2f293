/** Commands for iptables-translate with its output, and the reasons if ours differs. */
export interface TranslateCommand {
  readonly words: readonly string[]
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  readonly why?: string
}

const said = (line: string, stdout: string, why?: string): TranslateCommand => ({
  words: line.split(' '),
  status: 0,
  stdout: `${stdout}\n`,
  stderr: '',
  ...(why !== undefined && { why }),
})
const TRY = "Try `iptables-translate -h' or 'iptables-translate --help' for more information.\n"
const refused = (words: readonly string[], message: string): TranslateCommand => ({
  words,
  status: 2,
  stdout: '',
  stderr: `${message}${TRY}`,
})
const without = (line: string, why?: string): TranslateCommand => ({
  words: line.split(' '),
  status: 1,
  stdout: 'nft ',
  stderr: 'Translation not implemented\n',
  ...(why !== undefined && { why }),
})

export const translateCommands: readonly TranslateCommand[] = [
  said('-A INPUT -p tcp --dport 22 -j ACCEPT', "nft 'add rule ip filter INPUT tcp dport 22 counter accept'"),
  said('-I INPUT -j DROP', "nft 'insert rule ip filter INPUT counter drop'"),
  said('-I INPUT 1 -j DROP', "nft 'insert rule ip filter INPUT counter drop'"),
  said('-I INPUT 3 -j DROP', "nft 'insert rule ip filter INPUT index 2 counter drop'", 'the tool forgets the number'),
  said(
    '-A INPUT -s 1.1.1.1,2.2.2.2 -j DROP',
    "nft 'add rule ip filter INPUT ip saddr 1.1.1.1 counter drop'\nnft 'add rule ip filter INPUT ip saddr 2.2.2.2 counter drop'",
  ),
  said(
    '-A INPUT -s 1.1.1.1 -d 3.3.3.3,4.4.4.4',
    "nft 'add rule ip filter INPUT ip saddr 1.1.1.1 ip daddr 3.3.3.3 counter'\nnft 'add rule ip filter INPUT ip saddr 1.1.1.1 ip daddr 4.4.4.4 counter'",
    'the tool has nft before the first of them alone',
  ),
  said(
    '-A INPUT -s 1.1.1.1,2.2.2.2 -m connlimit --connlimit-above 5',
    [
      "nft 'add set ip filter connlimit0 { type ipv4_addr; flags dynamic; }'",
      "nft 'add rule ip filter INPUT ip saddr 1.1.1.1 add @connlimit0 { ip saddr ct count over 5 } counter'",
      "nft 'add set ip filter connlimit1 { type ipv4_addr; flags dynamic; }'",
      "nft 'add rule ip filter INPUT ip saddr 2.2.2.2 add @connlimit1 { ip saddr ct count over 5 } counter'",
    ].join('\n'),
  ),
  said('-A INPUT -m u32 --u32 0=0 -j ACCEPT', 'nft # -A INPUT -m u32 --u32 0=0 -j ACCEPT '),
  said('-A INPUT -m u32 ! --u32 0=0', 'nft # -A INPUT -m u32 ! --u32 0=0 ', 'the tool leaves the ! out'),
  said(
    "-A INPUT -m comment --comment it's;reboot",
    `nft 'add rule ip filter INPUT counter comment "it'\\''s;reboot"'`,
    'what the tool prints ends the quotes of a shell',
  ),
  said(
    '-A INPUT -m u32 --u32 0=0 -m comment --comment a\nreboot',
    'nft # -A INPUT -m u32 --u32 0=0 -m comment --comment a reboot ',
    'what the tool prints ends the comment of a shell',
  ),
  said(
    '-A INPUT -m conntrack --ctstate INVALID --ctproto tcp',
    'nft # -A INPUT -m conntrack --ctstate INVALID --ctproto tcp ',
    'a packet of no connection matches, and has no protocol of one in nf_tables',
  ),
  said(
    '-t nat -A POSTROUTING -o eth0 -j MASQUERADE',
    `nft 'add rule ip nat POSTROUTING oifname "eth0" counter masquerade'`,
  ),
  said('-A INPUT -c 5 6 -j nosuch', "nft 'add rule ip filter INPUT counter jump nosuch'"),
  said('-t bogus -A INPUT', "nft 'add rule ip bogus INPUT counter'"),
  said('-N x', 'nft add chain ip filter x'),
  said('-F', 'nft flush table ip filter'),
  said('-F INPUT', 'nft flush chain ip filter INPUT'),
  said('-X x', 'nft delete chain ip filter x'),
  without('-X', 'the tool deletes a chain of the name (null)'),
  said('-L INPUT', 'nft list table ip filter'),
  said('-t mangle -L -n -v', 'nft list table ip mangle'),
  said('-V', 'iptables-translate v1.8.9 (nf_tables)'),
  ...[
    '-S',
    '-P INPUT DROP',
    '-E a b',
    '-Z',
    '-D INPUT 1',
    '-D INPUT -j DROP',
    '-C INPUT -j DROP',
    '-R INPUT 1 -j DROP',
  ].map((line) => without(line)),
  refused([], 'iptables-translate v1.8.9 (nf_tables): no command specified\n'),
  refused(['-N', 'ACCEPT'], 'iptables-translate v1.8.9 (nf_tables): chain name may not clash with target name\n'),
  refused(['-6', '-A', 'INPUT'], ''),
  refused(['-A', 'INPUT', '-j', 'DROP', 'extra'], "Bad argument `extra'\n"),
]

/** A text for iptables-restore-translate, and its output without the first and last line, which contain a date. */
export const RESTORE_TEXT = `# comment
*filter
:INPUT DROP [5:6]
:mychain - [0:0]
[5:6] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -m u32 --u32 "0=0" -j ACCEPT
-A INPUT -s 1.2.3.4,5.6.7.8 -m comment --comment "a b" -j mychain
-A INPUT -m connlimit --connlimit-above 5 --connlimit-mask 24 -j DROP
-N foo
-F mychain
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*mangle
:OUTPUT ACCEPT
-A OUTPUT -m connlimit --connlimit-upto 5 --connlimit-daddr
COMMIT
`
export const RESTORED = [
  'add table ip filter',
  'add chain ip filter INPUT { type filter hook input priority 0; policy drop; }',
  'add chain ip filter mychain',
  'add rule ip filter INPUT tcp dport 22 counter accept',
  '# -t filter -A INPUT -m u32 --u32 0=0 -j ACCEPT ',
  'add rule ip filter INPUT ip saddr 1.2.3.4 counter jump mychain comment "a b"',
  'add rule ip filter INPUT ip saddr 5.6.7.8 counter jump mychain comment "a b"',
  'add set ip filter connlimit0 { type ipv4_addr; flags dynamic; }',
  'add rule ip filter INPUT add @connlimit0 { ip saddr and 255.255.255.0 ct count over 5 } counter drop',
  'add chain ip filter foo',
  'flush chain ip filter mychain',
  'add table ip nat',
  'add chain ip nat POSTROUTING { type nat hook postrouting priority 100; policy accept; }',
  'add rule ip nat POSTROUTING oifname "eth0" counter masquerade',
  'add table ip mangle',
  'add chain ip mangle OUTPUT { type route hook output priority -150; policy accept; }',
  'add set ip mangle connlimit1 { type ipv4_addr; flags dynamic; }',
  'add rule ip mangle OUTPUT add @connlimit1 { ip daddr ct count 5 } counter',
]
