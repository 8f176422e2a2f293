/** Every struct that the library declares, with the C designator of each field. */
import * as ipSet from '../../src/abi/ip-set'
import { iptEntry } from '../../src/abi/ip-tables'
import { ip6tEntry } from '../../src/abi/ip6-tables'
import * as netlink from '../../src/abi/netlink'
import * as nfnetlink from '../../src/abi/nfnetlink'
import * as rtnetlink from '../../src/abi/rtnetlink'
import * as xTables from '../../src/abi/x-tables'
import type { Field } from '../../src/binary/codec'
import type { Struct } from '../../src/binary/struct'
import { sockFilter } from '../../src/extensions/matches/bpf'
import { policyElement } from '../../src/extensions/matches/policy'
import { locationElement, u32Test } from '../../src/extensions/matches/u32'
import { allExtensions } from '../../src/extensions/registry'

export interface Layout {
  readonly cName: string
  readonly size: number
  readonly fields: readonly { name: string; designator: string; offset: number }[]
}

/** Nested structs whose fields we declare directly: the prefix of their designators. */
const NESTED: Readonly<Record<string, readonly [prefix: string, fields: readonly string[]][]>> = {
  'struct ipt_entry': [
    [
      'ip.',
      [
        'src',
        'dst',
        'smsk',
        'dmsk',
        'iniface',
        'outiface',
        'inifaceMask',
        'outifaceMask',
        'proto',
        'flags',
        'invflags',
      ],
    ],
    ['counters.', ['pcnt', 'bcnt']],
  ],
  'struct ip6t_entry': [
    [
      'ipv6.',
      [
        'src',
        'dst',
        'smsk',
        'dmsk',
        'iniface',
        'outiface',
        'inifaceMask',
        'outifaceMask',
        'proto',
        'tos',
        'flags',
        'invflags',
      ],
    ],
    ['counters.', ['pcnt', 'bcnt']],
  ],
  'struct xt_entry_match': [
    ['u.', ['matchSize']],
    ['u.user.', ['name', 'revision']],
  ],
  'struct nf_nat_ipv4_multi_range_compat': [['range[0].', ['flags', 'minAddr', 'maxAddr', 'minProto', 'maxProto']]],
  'struct nlmsgerr': [['msg.', ['msgLen', 'msgType', 'msgFlags', 'msgSeq', 'msgPid']]],
  'struct xt_connbytes_info': [['count.', ['from', 'to']]],
  ...Object.fromEntries(
    [1, 2, 3].map((revision) => [
      `struct xt_hashlimit_mtinfo${revision}`,
      [['cfg.', [...'mode avg burst size max gcInterval expire interval srcmask dstmask'.split(' ')]]] as const,
    ]),
  ),
  'struct xt_statistic_info': [['u.nth.', ['every', 'packet', 'count']]],
}

/** Members whose C name is not our name in snake case. */
const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'struct ipt_ECN_info': { tcp: 'proto' },
  'struct nf_nat_ipv4_multi_range_compat': { minAddr: 'min_ip', maxAddr: 'max_ip', minProto: 'min', maxProto: 'max' },
  'struct ifinfomsg': { ifiPad: '__ifi_pad' },
  'struct xt_ecn_info': { ect: 'proto' },
  'struct ipt_clusterip_tgt_info': { firstNode: 'local_nodes[0]', otherNodes: 'local_nodes[1]' },
  'struct xt_set_info_match_v3': { packets0: 'packets', bytes0: 'bytes' },
  'struct xt_set_info_v0': { first: 'u.flags[0]', others: 'u.flags[1]', dim: 'u.compat.dim', flags: 'u.compat.flags' },
  'struct xt_owner_match_info': { uid: 'uid_min', gid: 'gid_min' },
  'struct nlmsgerr': {
    msgLen: 'nlmsg_len',
    msgType: 'nlmsg_type',
    msgFlags: 'nlmsg_flags',
    msgSeq: 'nlmsg_seq',
    msgPid: 'nlmsg_pid',
  },
  'struct xt_string_info': { flags: 'u.v1.flags' },
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

function designator(cName: string, field: string): string {
  const prefix = NESTED[cName]?.find(([, fields]) => fields.includes(field))?.[0] ?? ''
  return prefix + (RENAMED[cName]?.[field] ?? snakeCase(field))
}

const isStruct = (value: unknown): value is Struct => typeof value === 'object' && value !== null && 'cName' in value

const variants = [...allExtensions('match'), ...allExtensions('target')].flatMap((extension) => [
  ...extension.variants('ipv4'),
  ...extension.variants('ipv6'),
])

const structs = [
  ...Object.values(xTables).filter(isStruct),
  ...Object.values(ipSet).filter(isStruct),
  ...Object.values(netlink).filter(isStruct),
  ...Object.values(nfnetlink).filter(isStruct),
  ...Object.values(rtnetlink).filter(isStruct),
  iptEntry,
  ip6tEntry,
  // Some revisions have no payload, and some structs are in no header.
  ...variants.map(({ struct }) => struct).filter(({ cName, size }) => cName !== '' && size > 0),
  locationElement,
  policyElement,
  sockFilter,
  u32Test,
] as unknown as Struct[]

export const layouts: readonly Layout[] = [...new Map(structs.map((one) => [one.cName, one])).values()].map(
  ({ cName, size, fields }) => ({
    cName,
    size,
    fields: Object.entries(fields as Record<string, Field<unknown>>)
      .filter(([name]) => !name.startsWith('pad'))
      .map(([name, { offset }]) => ({ name, designator: designator(cName, name), offset })),
  }),
)
