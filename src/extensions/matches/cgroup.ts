/** The control group of the socket that a packet belongs to. */

import { ERRNO } from '../../abi/errno'
import { NFT_META } from '../../abi/nf-tables'
import { bool8, bool32, raw, u32 } from '../../binary/codec'
import { type Extent, struct, unionWith } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { circumstance } from '../evaluation'
import { about, type Fault, match, suspicion } from '../extension'
import { constant } from '../fields'
import { meta, readNatively } from '../native'
import { given, onlyWhere, valueTest } from '../native-tests'
import { option } from '../option'
import { integer } from '../values/integer'
import { text } from '../values/string'

/** XT_CGROUP_PATH_MAX */
const PATH_SIZE = 512

const head = { hasPath: bool8, hasClassid: bool8, invertPath: bool8, invertClassid: bool8 }

const badInversion = (parameter: string): Fault => about(parameter, `the inversion of --${parameter} must be 0 or 1`)
const hasTruth = ({ offset, size }: Extent, bytes: Uint8Array, at: number): boolean =>
  bytes.subarray(at + offset, at + offset + size).every((byte, i) => byte <= (i === 0 ? 1 : 0))

/** linux/netfilter/xt_cgroup.h */
export const cgroup = match('cgroup', {
  hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'],
  revisions: {
    0: struct('struct xt_cgroup_info_v0', 8, { id: u32, invert: bool32 }),
    1: struct('struct xt_cgroup_info_v1', 4112, { ...head, path: chars(4096), classid: u32, priv: raw(8, 8) }),
    2: struct('struct xt_cgroup_info_v2', 528, { ...head, path: raw(PATH_SIZE, 4), priv: raw(8, 8) }),
  },
  private: (at) => ('priv' in at ? [at.priv] : []),
  atLeastOne: true,
  native: (at) => {
    if (!('path' in at) || 'classid' in at) return undefined
    const value = unionWith(at.path, u32)
    return readNatively(
      given(at.hasClassid, valueTest(meta(NFT_META.CGROUP), u32, { value, negation: at.invertClassid })),
      onlyWhere(at.hasPath, false),
    )
  },
  asks: circumstance('in which control group its socket is'),
  options: (at) => {
    const simple = 'id' in at
    const path = simple ? constant('') : 'classid' in at ? at.path : unionWith(at.path, chars(PATH_SIZE))
    const classid = simple ? at.id : 'classid' in at ? at.classid : unionWith(at.path, u32)
    return {
      path: option(text(PATH_SIZE - 1), path, {
        present: simple ? constant(false) : at.hasPath,
        negation: simple ? constant(false) : at.invertPath,
        excludes: ['cgroup'],
        list: 'cgroup [! ]$',
      }),
      cgroup: option(integer(0xffff_ffff), classid, {
        ...(simple ? { always: true } : { present: at.hasClassid }),
        negation: simple ? at.invert : at.invertClassid,
        list: 'cgroup [! ]$',
      }),
    }
  },
  suspects: (at) => {
    if ('id' in at) return () => []
    const path = 'classid' in at ? at.path : unionWith(at.path, chars(PATH_SIZE))
    return (bytes, start) =>
      at.hasPath.read(bytes, start)
        ? [suspicion('path', ERRNO.EINVAL, `there is no control group ${JSON.stringify(path.read(bytes, start))}`)]
        : []
  },
  check: (at) => (bytes, start) => {
    if ('id' in at) return hasTruth(at.invert, bytes, start) ? undefined : badInversion('cgroup')
    const isOne = at.hasPath.read(bytes, start) !== at.hasClassid.read(bytes, start)
    if (!isOne) return about('path', 'exactly one of --path and --cgroup is required')
    if (!hasTruth(at.invertPath, bytes, start)) return badInversion('path')
    return hasTruth(at.invertClassid, bytes, start) ? undefined : badInversion('cgroup')
  },
})
