/** The netlink messages of ipset. linux/netfilter/ipset/ip_set.h */
import {
  IPSET_ATTR as A,
  IPSET_ATTR_ADT as ADT,
  IPSET_ATTR_CREATE as CREATE,
  IPSET_ATTR_IPADDR_IPV4,
  IPSET_ATTR_IPADDR_IPV6,
  IPSET_CMD,
  type IpsetCommand,
} from '../abi/ip-set'
import { NFNL_SUBSYS_IPSET } from '../abi/nfnetlink'
import { ipv4Text, ipv6Text } from '../binary/address'
import { be16, be32, be64, type Codec, pair, raw, u8, u32 } from '../binary/codec'
import {
  attribute,
  attributes,
  choice,
  encoded,
  fixed,
  list,
  networkOrder,
  nulString,
  type Payload,
  type Values,
} from '../netlink/attribute'
import { type MessageType, type NfHead, nfMessage } from '../netlink/message'

/** An address of either family, as text. */
const address = choice(
  {
    ipv4: attribute(IPSET_ATTR_IPADDR_IPV4, networkOrder(ipv4Text)),
    ipv6: attribute(IPSET_ATTR_IPADDR_IPV6, networkOrder(ipv6Text)),
  },
  (text) => (text.includes(':') ? 'ipv6' : 'ipv4'),
)

const net16 = networkOrder(be16)
/** Linux lists the markmask of a set in host byte order, without NLA_F_NET_BYTEORDER; hence `u32`. */
const net32 = networkOrder(be32, u32)
const net64 = networkOrder(be64)
const both = <T>(codec: Codec<T>) => networkOrder(pair(codec))

/** Attributes of a set as a whole. */
export const createAttributes = attributes({
  ip: attribute(CREATE.IP, address),
  ipTo: attribute(CREATE.IP_TO, address),
  cidr: attribute(CREATE.CIDR, fixed(u8)),
  port: attribute(CREATE.PORT, net16),
  portTo: attribute(CREATE.PORT_TO, net16),
  timeout: attribute(CREATE.TIMEOUT, net32),
  flags: attribute(CREATE.CADT_FLAGS, net32),
  markmask: attribute(CREATE.MARKMASK, net32),
  bitmask: attribute(CREATE.BITMASK, address),
  initval: attribute(CREATE.INITVAL, net32),
  hashsize: attribute(CREATE.HASHSIZE, net32),
  maxelem: attribute(CREATE.MAXELEM, net32),
  netmask: attribute(CREATE.NETMASK, fixed(u8)),
  bucketsize: attribute(CREATE.BUCKETSIZE, fixed(u8)),
  size: attribute(CREATE.SIZE, net32),
  elements: attribute(CREATE.ELEMENTS, net32),
  references: attribute(CREATE.REFERENCES, net32),
  memsize: attribute(CREATE.MEMSIZE, net32),
})
export type CreateAttributes = ValueOf<typeof createAttributes>

/** Attributes of an entry. */
export const entryAttributes = attributes({
  ip: attribute(ADT.IP, address),
  ipTo: attribute(ADT.IP_TO, address),
  cidr: attribute(ADT.CIDR, fixed(u8)),
  port: attribute(ADT.PORT, net16),
  portTo: attribute(ADT.PORT_TO, net16),
  timeout: attribute(ADT.TIMEOUT, net32),
  proto: attribute(ADT.PROTO, fixed(u8)),
  flags: attribute(ADT.CADT_FLAGS, net32),
  mark: attribute(ADT.MARK, net32),
  ether: attribute(ADT.ETHER, fixed(raw(6))),
  name: attribute(ADT.NAME, nulString),
  nameref: attribute(ADT.NAMEREF, nulString),
  ip2: attribute(ADT.IP2, address),
  cidr2: attribute(ADT.CIDR2, fixed(u8)),
  ip2To: attribute(ADT.IP2_TO, address),
  iface: attribute(ADT.IFACE, nulString),
  bytes: attribute(ADT.BYTES, net64),
  packets: attribute(ADT.PACKETS, net64),
  comment: attribute(ADT.COMMENT, nulString),
  skbmark: attribute(ADT.SKBMARK, both(be32)),
  skbprio: attribute(ADT.SKBPRIO, both(be16)),
  skbqueue: attribute(ADT.SKBQUEUE, net16),
  lineno: attribute(ADT.LINENO, net32),
})
export type EntryAttributes = ValueOf<typeof entryAttributes>

type ValueOf<P> = P extends Payload<infer V> ? V : never

const common = {
  protocol: attribute(A.PROTOCOL, fixed(u8)),
  setname: attribute(A.SETNAME, nulString),
}
const described = {
  ...common,
  typename: attribute(A.TYPENAME, nulString),
  revision: attribute(A.REVISION, fixed(u8)),
  family: attribute(A.FAMILY, fixed(u8)),
}

const command = <S>(name: IpsetCommand, payload: Payload<Values<S>>): MessageType<NfHead, Values<S>> =>
  nfMessage(`IPSET_CMD_${name}`, NFNL_SUBSYS_IPSET, IPSET_CMD[name], payload)

const onOne = attributes(common)
const onTwo = attributes({ ...common, setname2: attribute(A.SETNAME2, nulString) })
const onEntries = <T>(entries: Payload<T>) =>
  attributes({ ...common, lineno: attribute(A.LINENO, net32), adt: attribute(A.ADT, entries) })
const listed = <T>(entries: Payload<T>) =>
  attributes({
    ...described,
    flags: attribute(A.FLAGS, net32),
    index: attribute(A.INDEX, net16),
    data: attribute(A.DATA, createAttributes),
    adt: attribute(A.ADT, entries),
  })

export const entryList = list(A.DATA, entryAttributes)

/** Requests and their answers, which share a message type. */
export const commands = {
  type: command('TYPE', attributes({ ...described, revisionMin: attribute(A.REVISION_MIN, fixed(u8)) })),
  header: command('HEADER', attributes(described)),
  create: command('CREATE', attributes({ ...described, data: attribute(A.DATA, createAttributes) })),
  destroy: command('DESTROY', onOne),
  flush: command('FLUSH', onOne),
  rename: command('RENAME', onTwo),
  swap: command('SWAP', onTwo),
  list: command('LIST', listed(entryList)),
  add: command('ADD', onEntries(entryList)),
  remove: command('DEL', onEntries(entryList)),
  test: command('TEST', attributes({ ...common, data: attribute(A.DATA, entryAttributes) })),
}

/** As {@link commands}, with the entries left encoded: callers write and read them one by one with {@link entryList}. */
export const bulk = {
  list: command('LIST', listed(encoded(entryList))),
  add: command('ADD', onEntries(encoded(entryList))),
  remove: command('DEL', onEntries(encoded(entryList))),
}

/** One message of a listing. A set that does not fit into one message continues in others, which hold only entries. */
export type ListValues = ValueOf<typeof commands.list.attributes>
