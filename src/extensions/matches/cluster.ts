/** The connections that belong to this node, in a cluster where every node receives every packet. */

import { ERRNO } from '../../abi/errno'
import { u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { view } from '../fields'
import { option, synonym } from '../option'
import { integer, wideBits } from '../values/integer'

const MAX_NODES = 32

/** linux/netfilter/xt_cluster.h */
export const cluster = match('cluster', {
  revisions: {
    0: struct('struct xt_cluster_match_info', 16, { totalNodes: u32, nodeMask: u32, hashSeed: u32, flags: u32 }),
  },
  list: 'cluster',
  asks: circumstance('which node its connection falls to'),
  options: ({ totalNodes, nodeMask, hashSeed, flags }) => {
    const written = { required: true, negation: bit(flags, 0x01) }
    const node = view(
      nodeMask,
      (mask) => (Math.log2(mask) % 1 === 0 ? Math.log2(mask) + 1 : undefined),
      (number) => Math.floor(2 ** (number - 1)),
    )
    return {
      'cluster-local-nodemask': option(wideBits(1), nodeMask, { ...written, list: '[!]node_mask=$' }),
      'cluster-local-node': synonym(
        'cluster-local-nodemask',
        option(integer(MAX_NODES, 1), node, { ...written, absent: 0 }),
      ),
      'cluster-total-nodes': option(integer(MAX_NODES, 1), totalNodes, { required: true, list: 'total_nodes=$' }),
      'cluster-hash-seed': option(wideBits(), hashSeed, { required: true, list: 'hash_seed=$' }),
    }
  },
  check:
    ({ totalNodes, nodeMask }) =>
    (bytes, at) => {
      const nodes = totalNodes.read(bytes, at)
      if (nodes > MAX_NODES) return about('cluster-total-nodes', `must be at most ${MAX_NODES}`)
      return nodeMask.read(bytes, at) >= 2 ** nodes
        ? about('cluster-local-nodemask', `the cluster has only ${nodes} nodes`, ERRNO.EDOM)
        : undefined
    },
})
