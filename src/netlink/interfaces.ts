/** Names of network interfaces by index, in a kernel's namespace. */
import { IFLA_IFNAME, ifinfomsg, NETLINK_ROUTE, RTM_GETLINK, RTM_NEWLINK } from '../abi/rtnetlink'
import type { NetlinkPort } from '../kernel/kernel'
import { attribute, attributes, nulString } from './attribute'
import { NetlinkClient } from './client'
import { readMessage, request } from './message'

const linkAttributes = attributes({ name: attribute(IFLA_IFNAME, nulString) })
const newLink = { name: 'RTM_NEWLINK', type: RTM_NEWLINK, head: ifinfomsg, attributes: linkAttributes }
const getLink = { ...newLink, name: 'RTM_GETLINK', type: RTM_GETLINK }

const ALL = { ifiFamily: 0, ifiPad: 0, ifiType: 0, ifiIndex: 0, ifiFlags: 0, ifiChange: 0 }

/** @throws KernelError */
export function interfaceNames(port: NetlinkPort): Map<number, string> {
  const client = new NetlinkClient(port, NETLINK_ROUTE)
  try {
    const links = client.dumpAll(request(getLink, 0, ALL, {})).map((message) => readMessage(newLink, message))
    return new Map(links.map(({ head, values }) => [head.ifiIndex, values.name ?? '']))
  } finally {
    client.close()
  }
}
