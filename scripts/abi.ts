/**
 * Writes test/abi/sizes.json: the size of every struct that the library declares and the offset of every field, from a C
 * compiler. A test compares our layouts with it. Needs cc and the headers of linux-libc-dev.
 *
 *   npm run abi
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layouts } from '../test/support/layouts'

const HEADERS = [
  'stddef.h',
  'stdio.h',
  'netinet/in.h',
  'linux/if_ether.h',
  'linux/netfilter_ipv4/ip_tables.h',
  'linux/netfilter_ipv6/ip6_tables.h',
  'linux/netfilter_ipv4/ipt_CLUSTERIP.h',
  'linux/netfilter_ipv4/ipt_REJECT.h',
  'linux/netfilter_ipv4/ipt_ah.h',
  'linux/netfilter_ipv6/ip6t_NPT.h',
  'linux/netfilter_ipv6/ip6t_REJECT.h',
  'linux/netfilter_ipv6/ip6t_ah.h',
  'linux/netfilter_ipv6/ip6t_frag.h',
  'linux/netfilter_ipv6/ip6t_ipv6header.h',
  'linux/netfilter_ipv6/ip6t_mh.h',
  'linux/netfilter_ipv6/ip6t_opts.h',
  'linux/netfilter_ipv6/ip6t_rt.h',
  'linux/netfilter_ipv6/ip6t_srh.h',
  'linux/netfilter/ipset/ip_set.h',
  'linux/netfilter/nfnetlink.h',
  'linux/netlink.h',
  'linux/rtnetlink.h',
  'linux/netfilter/nf_nat.h',
  'linux/netfilter/xt_AUDIT.h',
  'linux/netfilter/xt_CHECKSUM.h',
  'linux/netfilter/xt_CLASSIFY.h',
  'linux/netfilter/xt_CONNSECMARK.h',
  'linux/netfilter/xt_CT.h',
  'linux/netfilter/xt_DSCP.h',
  'linux/netfilter/xt_HMARK.h',
  'linux/netfilter/xt_IDLETIMER.h',
  'linux/netfilter/xt_LED.h',
  'linux/netfilter/xt_LOG.h',
  'linux/netfilter/xt_NFLOG.h',
  'linux/netfilter/xt_NFQUEUE.h',
  'linux/netfilter/xt_RATEEST.h',
  'linux/netfilter/xt_SECMARK.h',
  'linux/netfilter/xt_SYNPROXY.h',
  'linux/netfilter/xt_TCPMSS.h',
  'linux/netfilter/xt_TCPOPTSTRIP.h',
  'linux/netfilter/xt_TEE.h',
  'linux/netfilter/xt_TPROXY.h',
  'linux/netfilter/xt_addrtype.h',
  'linux/netfilter/xt_bpf.h',
  'linux/netfilter/xt_cgroup.h',
  'linux/netfilter/xt_cluster.h',
  'linux/netfilter/xt_comment.h',
  'linux/netfilter/xt_connbytes.h',
  'linux/netfilter/xt_connlabel.h',
  'linux/netfilter/xt_connlimit.h',
  'linux/netfilter/xt_connmark.h',
  'linux/netfilter/xt_conntrack.h',
  'linux/netfilter/xt_cpu.h',
  'linux/netfilter/xt_dccp.h',
  'linux/netfilter/xt_devgroup.h',
  'linux/netfilter/xt_dscp.h',
  'linux/netfilter/xt_ecn.h',
  'linux/netfilter/xt_esp.h',
  'linux/netfilter/xt_hashlimit.h',
  'linux/netfilter/xt_helper.h',
  'linux/netfilter/xt_ipcomp.h',
  'linux/netfilter/xt_iprange.h',
  'linux/netfilter/xt_ipvs.h',
  'linux/netfilter/xt_length.h',
  'linux/netfilter/xt_limit.h',
  'linux/netfilter/xt_mac.h',
  'linux/netfilter/xt_mark.h',
  'linux/netfilter/xt_multiport.h',
  'linux/netfilter/xt_nfacct.h',
  'linux/netfilter/xt_osf.h',
  'linux/netfilter/xt_owner.h',
  'linux/netfilter/xt_physdev.h',
  'linux/netfilter/xt_pkttype.h',
  'linux/netfilter/xt_policy.h',
  'linux/netfilter/xt_quota.h',
  'linux/netfilter/xt_rateest.h',
  'linux/netfilter/xt_realm.h',
  'linux/netfilter/xt_recent.h',
  'linux/netfilter/xt_rpfilter.h',
  'linux/netfilter/xt_sctp.h',
  'linux/netfilter/xt_set.h',
  'linux/netfilter/xt_socket.h',
  'linux/netfilter/xt_statistic.h',
  'linux/netfilter/xt_string.h',
  'linux/netfilter/xt_tcpmss.h',
  'linux/netfilter/xt_tcpudp.h',
  'linux/netfilter/xt_time.h',
  'linux/netfilter/xt_u32.h',
  'linux/netfilter_ipv4/ipt_ECN.h',
  'linux/netfilter_ipv4/ipt_TTL.h',
  'linux/netfilter_ipv4/ipt_ttl.h',
  'linux/netfilter_ipv6/ip6t_HL.h',
  'linux/netfilter_ipv6/ip6t_hl.h',
]

/** Include guards that the headers of a match and its target share, so that only the first one would be included. */
const SHARED_GUARDS = ['_IPT_TTL_H', '_IP6T_HL_H']

/** One printf for each struct: its name, its size, and the offset of each field. */
const statements = layouts.map(({ cName, fields }) => {
  const format = fields.map(({ name }) => `\\"${name}\\":%zu`).join(',')
  const offsets = fields.map(({ designator }) => `, offsetof(${cName}, ${designator})`).join('')
  return `printf("\\"${cName}\\":{\\"size\\":%zu,\\"offsets\\":{${format}}}%s", sizeof(${cName})${offsets}, SEPARATOR);`
})

const program = [
  ...HEADERS.flatMap((header) => [`#include <${header}>`, ...SHARED_GUARDS.map((guard) => `#undef ${guard}`)]),
  'int main(void) {',
  '  printf("{");',
  ...statements.map((line, i) => `  ${line.replace('SEPARATOR', i === statements.length - 1 ? '""' : '","')}`),
  '  printf("}\\n");',
  '}',
  '',
].join('\n')

const directory = mkdtempSync(join(tmpdir(), 'xtables-abi-'))
try {
  writeFileSync(join(directory, 'abi.c'), program)
  const { error, status } = spawnSync('cc', ['-o', join(directory, 'abi'), join(directory, 'abi.c')], {
    stdio: 'inherit',
  })
  if (error !== undefined) throw new Error(`cc cannot be run: ${error.message}`)
  if (status !== 0)
    throw new Error(
      'cc refuses the structs, see above. An incomplete type: its C name is wrong, or its header is missing in HEADERS of ' +
        'scripts/abi.ts. No such member: a field has its C name in camel case; other names, and structs within structs, ' +
        'are listed in test/support/layouts.ts.',
    )
  const sizes = JSON.parse(execFileSync(join(directory, 'abi'), { encoding: 'utf8' }))
  writeFileSync(join(__dirname, '../test/abi/sizes.json'), `${JSON.stringify(sizes, undefined, 2)}\n`)
  console.log(`${layouts.length} structs measured`)
} finally {
  rmSync(directory, { recursive: true })
}
