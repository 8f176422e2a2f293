/** Typical rules in nft syntax, with their form in iptables syntax; undefined if there is none. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'

export interface PlainRule {
  readonly family: FamilyName
  readonly table: string
  readonly rule: string
  readonly reading: string | undefined
}

const inTable =
  (family: FamilyName, table: string) =>
  (rule: string, reading?: string): PlainRule => ({ family, table, rule, reading })
const filter = inTable('ipv4', 'filter')
const filter6 = inTable('ipv6', 'filter')
const nat = inTable('ipv4', 'nat')
const nat6 = inTable('ipv6', 'nat')
const mangle = inTable('ipv4', 'mangle')
const raw = inTable('ipv4', 'raw')

export const plainRules: readonly PlainRule[] = [
  filter('accept', '-j ACCEPT'),
  filter('counter', ''),
  filter('tcp dport 22 accept', '-p tcp -m tcp --dport 22 -j ACCEPT'),
  filter('tcp dport 1000-2000 counter drop', '-p tcp -m tcp --dport 1000:2000 -j DROP'),
  filter('tcp dport > 1023 accept', '-p tcp -m tcp --dport 1024:65535 -j ACCEPT'),
  filter('tcp dport < 1024 accept', '-p tcp -m tcp --dport 0:1023 -j ACCEPT'),
  filter('udp sport 53 udp dport 1024-65535 accept', '-p udp -m udp --sport 53 --dport 1024:65535 -j ACCEPT'),
  filter('tcp dport { 22, 80 } accept'),
  filter('tcp dport { 22 } accept', '-p tcp -m tcp --dport 22 -j ACCEPT'),
  filter('tcp dport vmap { 22 : accept, 80 : drop }'),
  filter('ip saddr { 10.0.0.0/8, 192.168.0.0/16 } accept'),
  filter('meta l4proto { tcp, udp } th dport 53 accept'),
  filter('meta l4proto tcp accept', '-p tcp -j ACCEPT'),
  filter('meta l4proto != tcp accept', '! -p tcp -j ACCEPT'),
  filter('ip protocol udp accept', '-p udp -j ACCEPT'),
  filter('meta l4proto 0 accept'),
  filter('meta l4proto != 0 accept'),
  filter('ip ttl 5 ip protocol tcp accept', '-p tcp -m ttl --ttl-eq 5 -j ACCEPT'),
  filter('th dport 53 accept'),
  filter('ct state established,related accept', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'),
  filter('ct state invalid drop', '-m conntrack --ctstate INVALID -j DROP'),
  filter('ct state != new accept', '-m conntrack ! --ctstate NEW -j ACCEPT'),
  filter('ct state vmap { established : accept, related : accept, invalid : drop }'),
  filter('ct status dnat accept', '-m conntrack --ctstate DNAT -j ACCEPT'),
  filter('ct status ! dnat accept'),
  filter('ct status assured,dnat accept'),
  filter('ct mark 0x1 accept', '-m connmark --mark 0x1 -j ACCEPT'),
  filter('ct mark & 0xff == 0x10 accept', '-m connmark --mark 0x10/0xff -j ACCEPT'),
  filter('ct count over 10 drop'),
  filter('ct expiration 30s-30999ms accept', '-m conntrack --ctexpire 30 -j ACCEPT'),
  filter('ct expiration 30s accept'),
  filter(
    'ct bytes 10-20 accept',
    '-m connbytes --connbytes 10:20 --connbytes-mode bytes --connbytes-dir both -j ACCEPT',
  ),
  filter('ct label 5 accept', '-m connlabel --label "5" -j ACCEPT'),
  filter('ct zone 5 accept'),
  filter('ct helper "ftp" accept'),
  filter('ct direction reply accept', '-m conntrack --ctdir REPLY -j ACCEPT'),
  filter('meta mark 0x1 accept', '-m mark --mark 0x1 -j ACCEPT'),
  filter('meta mark > 1 accept'),
  filter('meta mark 1-5 accept'),
  filter('iif lo accept'),
  filter('iifname lo accept', '-i lo -j ACCEPT'),
  filter('iifname "eth+" accept'),
  filter('iifname "eth*" oifname != "ppp0" accept', '-i eth+ ! -o ppp0 -j ACCEPT'),
  filter('ip saddr 10.0.0.1 ip daddr != 10.0.0.0/8 accept', '-s 10.0.0.1/32 ! -d 10.0.0.0/8 -j ACCEPT'),
  filter('ip saddr 10.0.0.1-10.0.0.9 accept', '-m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT'),
  filter(
    'ip saddr 10.0.0.0/8 ip saddr != 10.0.0.9 drop',
    '-s 10.0.0.0/8 -m iprange ! --src-range 10.0.0.9-10.0.0.9 -j DROP',
  ),
  filter('ip saddr . tcp dport { 10.0.0.1 . 22 } accept'),
  filter('ip saddr 10.0.0.1 ip daddr 10.0.0.2 accept', '-s 10.0.0.1/32 -d 10.0.0.2/32 -j ACCEPT'),
  filter('ip saddr & 255.0.0.0 == 10.1.0.0 accept'),
  filter('ip saddr vmap { 10.0.0.1 : accept }'),
  filter(
    'limit rate 5/second ip saddr 10.0.0.1 accept',
    '-m limit --limit 5/sec -m iprange --src-range 10.0.0.1-10.0.0.1 -j ACCEPT',
  ),
  filter('limit rate 5/second tcp dport 22 accept'),
  filter('counter tcp dport 22 accept'),
  filter('tcp dport 22 counter ip saddr 10.0.0.1 accept'),
  filter('tcp dport 22 counter counter accept'),
  filter(
    'icmp type echo-request limit rate 5/second accept',
    '-p icmp -m icmp --icmp-type 8 -m limit --limit 5/sec -j ACCEPT',
  ),
  filter('icmp type { echo-request, echo-reply } accept'),
  filter('icmp code 1 accept'),
  filter('limit rate over 5/second drop'),
  filter('limit rate 5 mbytes/second accept'),
  filter('tcp flags syn / fin,syn,rst,ack accept', '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT'),
  filter(
    'tcp flags & (fin|syn|rst|ack) != syn ct state new drop',
    '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP',
  ),
  filter('tcp flags == syn accept'),
  filter('tcp flags syn,ecn accept'),
  filter('tcp flags cwr accept', '-p tcp -m ecn --ecn-tcp-cwr -j ACCEPT'),
  filter('tcp flags & (cwr | ecn) == cwr accept'),
  filter('tcp option 5 exists accept'),
  filter('dccp type request accept', '-p dccp -m dccp --dccp-types REQUEST -j ACCEPT'),
  filter('dccp type != 10-15 accept', '-p dccp -m dccp ! --dccp-types INVALID -j ACCEPT'),
  filter('sctp chunk data exists accept'),
  filter('tcp option maxseg size 1460 accept'),
  filter('meta skuid 1000 accept', '-m owner --uid-owner 1000 -j ACCEPT'),
  filter('meta skuid > 999 accept'),
  filter('meta skuid != 1000 accept'),
  filter('meta pkttype broadcast drop', '-m pkttype --pkt-type broadcast -j DROP'),
  filter('meta length > 100 accept'),
  filter('meta length 100-200 accept', '-m length --length 100:200 -j ACCEPT'),
  filter('ip ttl < 5 drop', '-m ttl --ttl-lt 5 -j DROP'),
  filter('ip dscp cs1 accept', '-m dscp --dscp 0x08 -j ACCEPT'),
  filter('ip length 100 accept'),
  filter('ip frag-off & 0x1fff != 0 drop', '-f -j DROP'),
  filter('fib daddr type local accept', '-m addrtype --dst-type LOCAL -j ACCEPT'),
  filter('fib daddr type { local, broadcast } accept'),
  filter('fib saddr . iif oif 0 drop'),
  filter('ether saddr 00:11:22:33:44:55 accept', '-m mac --mac-source 00:11:22:33:44:55 -j ACCEPT'),
  filter('ether daddr 00:11:22:33:44:55 accept'),
  filter('meta iiftype ether accept'),
  filter('rt classid 5 accept', '-m realm --realm 0x5 -j ACCEPT'),
  filter('log', '-j LOG'),
  filter(
    'log prefix "IN: " level info flags tcp sequence,options',
    '-j LOG --log-prefix "IN: " --log-level 6 --log-tcp-sequence --log-tcp-options',
  ),
  filter('log prefix "a prefix that is longer than thirty bytes"'),
  filter('log prefix "x" drop'),
  filter('counter log prefix "x" accept'),
  filter('log level audit'),
  filter('log group 5', '-j NFLOG --nflog-group 5'),
  filter('reject', '-j REJECT --reject-with icmp-port-unreachable'),
  filter('reject with tcp reset', '-p tcp -j REJECT --reject-with tcp-reset'),
  filter('reject with icmp type host-prohibited', '-j REJECT --reject-with icmp-host-prohibited'),
  filter('quota over 5 mbytes drop'),
  filter('numgen random mod 2 0 accept'),
  filter('numgen inc mod 2 0 accept'),
  filter(
    'meta random & 2147483647 < 1073741824 accept',
    '-m statistic --mode random --probability 0.50000000000 -j ACCEPT',
  ),
  filter('meta random < 1073741824 accept'),
  filter('jhash ip saddr mod 2 seed 0xdeadbeef 1 accept'),
  filter('symhash mod 2 1 accept'),
  filter('socket transparent 1 accept'),
  filter('osf name "Linux" accept'),
  filter('ip option rr exists accept'),
  filter('vlan id 5 accept'),
  filter('tcp dport 22 synproxy mss 1460 wscale 7', '-p tcp -m tcp --dport 22 -j SYNPROXY --wscale 7 --mss 1460'),
  filter('synproxy'),
  filter('jump y', '-j y'),
  filter('goto y', '-g y'),
  filter('continue'),
  filter('accept comment "x"', '-j ACCEPT'),
  filter6('tcp dport 22 accept', '-p tcp -m tcp --dport 22 -j ACCEPT'),
  filter6('ip6 nexthdr tcp accept'),
  filter6('icmpv6 type nd-neighbor-solicit accept', '-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT'),
  filter6('ip6 hoplimit 255 accept', '-m hl --hl-eq 255 -j ACCEPT'),
  filter6('ip6 saddr fe80::/10 accept', '-s fe80::/10 -j ACCEPT'),
  filter6('ip6 dscp 0x2e accept', '-m dscp --dscp 0x2e -j ACCEPT'),
  filter6('ip6 ecn ce accept', '-m ecn --ecn-ip-ect 3 -j ACCEPT'),
  filter6('ip6 flowlabel 5 accept'),
  filter6('fib daddr type local accept'),
  filter6('exthdr frag exists drop', '-m frag -j DROP'),
  filter6('exthdr frag missing drop'),
  filter6('frag id 5-7 accept', '-m frag --fragid 5:7 -j ACCEPT'),
  filter6('frag more-fragments 1 accept', '-m frag --fragmore -j ACCEPT'),
  filter6('frag reserved 1 accept'),
  filter6('rt type 0 rt seg-left != 1-4 accept', '-m rt --rt-type 0 ! --rt-segsleft 1:4 -j ACCEPT'),
  filter6('hbh hdrlength 1 accept', '-m hbh --hbh-len 16 -j ACCEPT'),
  filter6('dst hdrlength != 0 accept', '-m dst ! --dst-len 8 -j ACCEPT'),
  filter6('mh type 3 accept'),
  filter6('meta l4proto 0 accept'),
  filter6('reject with icmpv6 type addr-unreachable', '-j REJECT --reject-with icmp6-addr-unreachable'),
  nat('masquerade', '-j MASQUERADE'),
  nat('oifname "eth0" masquerade fully-random', '-o eth0 -j MASQUERADE --random-fully'),
  nat('masquerade persistent'),
  nat('tcp dport 80 dnat to 10.0.0.1:8080', '-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080'),
  nat('dnat to 10.0.0.1-10.0.0.9', '-j DNAT --to-destination 10.0.0.1-10.0.0.9'),
  nat('dnat to 10.0.0.1 fully-random'),
  nat('dnat to tcp dport map { 80 : 10.0.0.1, 81 : 10.0.0.2 }'),
  nat('snat to 1.2.3.4 persistent', '-j SNAT --to-source 1.2.3.4 --persistent'),
  nat('snat to ip saddr map { 10.0.0.1 : 1.2.3.4 }'),
  nat('ip protocol tcp redirect to :8080', '-p tcp -j REDIRECT --to-ports 8080'),
  nat6('meta l4proto tcp dnat to [2001:db8::1]:80', '-p tcp -j DNAT --to-destination [2001:db8::1]:80'),
  mangle('meta mark set 0x5', '-j MARK --set-xmark 0x5/0xffffffff'),
  mangle('meta mark set mark and 0xff', '-j MARK --set-xmark 0x0/0xffffff00'),
  mangle('meta mark set mark or 0x10', '-j MARK --set-xmark 0x10/0x10'),
  mangle('meta mark set mark xor 0x10', '-j MARK --set-xmark 0x10/0x0'),
  mangle('meta mark set ct mark', '-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff'),
  mangle('ct mark set mark', '-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff'),
  mangle('ct mark set ct mark or 0x1', '-j CONNMARK --set-xmark 0x1/0x1'),
  mangle('meta mark set 0x5 accept'),
  mangle('meta mark set ip saddr map { 10.0.0.1 : 0x1 }'),
  mangle('meta mark set numgen inc mod 2'),
  mangle('meta priority set 1:10', '-j CLASSIFY --set-class 0001:0010'),
  mangle('ip dscp set cs1', '-j DSCP --set-dscp 0x08'),
  mangle('ip dscp set cs1 accept'),
  mangle('ip ecn set ce'),
  mangle('ip ttl set 5'),
  mangle('dup to 10.0.0.1', '-j TEE --gateway 10.0.0.1'),
  mangle('dup to 10.0.0.1 device lo'),
  mangle('tcp dport 80 tproxy to 127.0.0.1:80'),
  mangle(
    'ct mark set mark << 1',
    '-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff --left-shift-mark 1',
  ),
  mangle('tcp flags syn tcp option maxseg size set 1400'),
  raw('notrack', '-j NOTRACK'),
  raw('meta nftrace set 1', '-j TRACE'),
]

const FILE = join(__dirname, '../../fixtures/nft-plain.json')

/** Writes the payloads of NFTA_RULE_EXPRESSIONS that nft created, in order. */
export const writePlainFixture = (writtenBy: string, made: readonly Uint8Array[]): void => {
  const rows = made.map((bytes, i) => JSON.stringify([plainRules[i]?.rule, Buffer.from(bytes).toString('base64')]))
  writeFileSync(FILE, `{"writtenBy": ${JSON.stringify(writtenBy)}, "rules": [\n${rows.join(',\n')}\n]}\n`)
}

export function plainFixture(): Uint8Array[] {
  const { rules } = JSON.parse(readFileSync(FILE, 'utf8')) as { rules: [string, string][] }
  return rules.map(([rule, bytes], i) => {
    if (rule !== plainRules[i]?.rule)
      throw new Error(`npm run fixtures:native -- plain, as ${rule} is another rule now`)
    return new Uint8Array(Buffer.from(bytes, 'base64'))
  })
}
