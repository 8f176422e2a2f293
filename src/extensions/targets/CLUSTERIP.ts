/** Shares one address among the nodes of a cluster. Available in Linux up to 6.2. */
import { ERRNO } from '../../abi/errno'
import { array, raw, u16, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { suspicion, target } from '../extension'
import { view } from '../fields'
import { flag, option } from '../option'
import { integer } from '../values/integer'
import { name } from '../values/names'
import { mac } from '../values/string'
import { mismatch, type ValueType } from '../values/value'

const NODES = 16
/** Flag of the rule that creates the cluster. */
const NEW = 0x01
/** A multicast MAC address, printed in capital letters. */
const groupMac: ValueType<Uint8Array, string> = {
  expects: 'a multicast hardware address, such as 01:00:5E:00:00:20',
  parse(word, context) {
    const address = mac.parse(word, context)
    return ((address[0] as number) & 1) === 1 ? address : mismatch('it is not a multicast address')
  },
  format: (address, context) => mac.format(address, context).toUpperCase(),
}

const MODES = { sourceip: 0, 'sourceip-sourceport': 1, 'sourceip-sourceport-destport': 2 }
const node = integer(NODES)

/** linux/netfilter_ipv4/ipt_CLUSTERIP.h. Only the rule that creates the cluster uses more than `flags`. */
export const CLUSTERIP = target('CLUSTERIP', {
  families: ['ipv4'],
  revisions: {
    0: struct('struct ipt_clusterip_tgt_info', 64, {
      flags: u32,
      clustermac: raw(6),
      numTotalNodes: u16,
      numLocalNodes: u16,
      firstNode: u16,
      otherNodes: array(u16, NODES - 1),
      hashMode: u32,
      hashInitval: u32,
      config: raw(8, 8),
    }),
  },
  private: ({ config }) => [config],
  check:
    ({ numLocalNodes, firstNode }) =>
    (bytes, at) =>
      numLocalNodes.read(bytes, at) > 0 && firstNode.read(bytes, at) === 0
        ? { reason: 'nodes are numbered from 1', parameter: 'local-node' }
        : undefined,
  // The kernel checks this against address and interface of the rule, and gives the reason only in its log.
  suspects:
    ({ flags }) =>
    (bytes, at) =>
      (flags.read(bytes, at) & NEW) === 0
        ? [suspicion('new', ERRNO.EINVAL, 'no rule with --new has created this cluster for the address of -d', true)]
        : [
            suspicion('new', ERRNO.EINVAL, 'a cluster needs a single address in -d and an interface in -i'),
            suspicion('new', ERRNO.ENOENT, 'the interface of -i does not exist', true),
          ],
  list:
    () =>
    ({ texts: { new: _, ...others } }) =>
      ['CLUSTERIP', ...Object.values(others)].join(' '),
  does: () => () => [
    {
      kind: 'either',
      decides: 'whether its connection falls to this node',
      effects: [[], [{ kind: 'end', verdict: 'DROP' }]],
    },
  ],
  options: ({ flags, clustermac, numTotalNodes, numLocalNodes, firstNode, hashMode, hashInitval }) => {
    const isNew = bit(flags, NEW)
    const beside = { needs: ['new'], always: isNew }
    // iptables supports one node per machine; -1 means none.
    const local = view(
      both(numLocalNodes, firstNode),
      ([count, first]) => (count === 0 ? -1 : first),
      (first) => [first < 0 ? 0 : 1, Math.max(first, 0)] as const,
    )
    return {
      new: flag(isNew, { needs: ['hashmode', 'clustermac', 'total-nodes', 'local-node'] }),
      hashmode: option(name(MODES), hashMode, { ...beside, list: 'hashmode=$' }),
      clustermac: option(groupMac, clustermac, { ...beside, list: 'clustermac=$' }),
      'total-nodes': option(node, numTotalNodes, { ...beside, list: 'total_nodes=$' }),
      'local-node': option(node, local, { needs: ['new'], list: 'local_node=$' }),
      'hash-init': option(integer(0xffff_ffff), hashInitval, { ...beside, list: 'hash_init=$' }),
    }
  },
})
