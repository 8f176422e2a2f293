/** Adds entries to ipsets or deletes them, and takes a packet's mark, priority and queue from an entry. */

import { IPSET_INVALID_ID, setInfo, setInfo0 } from '../../abi/ip-set'
import { NO_OUT } from '../../abi/netfilter'
import { NFT_META } from '../../abi/nf-tables'
import { type Field, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { forget } from '../evaluation'
import { about, type Check, target } from '../extension'
import { constant, where } from '../fields'
import { meta } from '../native'
import { flag, option } from '../option'
import { setReference } from '../set-references'
import { integer } from '../values/integer'
import { directions, setName } from '../values/ipset'

const NO_TIMEOUT = 0xffff_ffff
const [MARK, PRIO, QUEUE] = [0x100, 0x200, 0x400] as const

interface SetFields {
  readonly addSet: Field<unknown>
  readonly delSet: Field<unknown>
  readonly mapSet?: Field<unknown>
  readonly flags?: Field<number>
  readonly timeout?: Field<number>
}

const references = ({ addSet, delSet, mapSet }: SetFields) => [
  setReference('add-set', addSet),
  setReference('del-set', delSet),
  ...(mapSet === undefined ? [] : [setReference('map-set', mapSet)]),
]

/** The option for a reference to a set, which can be empty. */
function optionalSet(parameter: string, at: Field<unknown> | undefined) {
  const types = [setName, directions] as const
  const nothing = [IPSET_INVALID_ID, [0, 0]] as const
  if (at === undefined)
    return option(types, constant<readonly [number, readonly [number, number]]>(nothing), { absent: nothing })
  const { index, directions: sides } = setReference(parameter, at)
  const isThere = (bytes: Uint8Array, place: number): boolean => index.read(bytes, place) !== IPSET_INVALID_ID
  return option(types, where(both(index, sides), isThere), { absent: nothing })
}

/** Checks `--map-set`. Priority and queue need an output interface. */
function checkMap({ mapSet, flags = constant(0) }: SetFields): Check {
  if (mapSet === undefined) return () => undefined
  const { index } = setReference('map-set', mapSet)
  return (bytes, at, { table, hooks }) => {
    if (index.read(bytes, at) === IPSET_INVALID_ID) return undefined
    if (table !== 'mangle') return about('map-set', '--map-set can only be used in table mangle')
    const early = hooks.some((hook) => NO_OUT.includes(hook))
    return early && (flags.read(bytes, at) & (PRIO | QUEUE)) !== 0
      ? about(
          (flags.read(bytes, at) & PRIO) !== 0 ? 'map-prio' : 'map-queue',
          '--map-prio and --map-queue are for FORWARD, OUTPUT and POSTROUTING',
        )
      : undefined
  }
}

/** linux/netfilter/xt_set.h */
export const SET = target('SET', {
  revisions: {
    0: { ipv4: struct('struct xt_set_info_target_v0', 64, { addSet: setInfo0, delSet: setInfo0 }) },
    1: struct('struct xt_set_info_target_v1', 8, { addSet: setInfo, delSet: setInfo }),
    2: struct('struct xt_set_info_target_v2', 16, { addSet: setInfo, delSet: setInfo, flags: u32, timeout: u32 }),
    3: struct('struct xt_set_info_target_v3', 20, {
      addSet: setInfo,
      delSet: setInfo,
      mapSet: setInfo,
      flags: u32,
      timeout: u32,
    }),
  },
  atLeastOne: [['add-set', 'del-set', 'map-set']],
  unused: (at) => references(at).flatMap(({ scratch }) => scratch),
  check: (at) => {
    const sets = references(at)
    const indexes = sets.map(
      ({ index, checkIndex }): Check =>
        (...args) => {
          const [bytes, place] = args
          return index.read(bytes, place) === IPSET_INVALID_ID ? undefined : checkIndex(...args)
        },
    )
    // In the order of Linux, which looks up the set of --map-set only after it has checked that --map-set is allowed.
    const checks = [
      ...indexes.slice(0, 2),
      checkMap(at),
      ...indexes.slice(2),
      ...sets.map((one) => one.checkDimensions),
    ]
    return (...args) => {
      for (const check of checks) {
        const reason = check(...args)
        if (reason !== undefined) return reason
      }
      return undefined
    }
  },
  usage: (at) => (bytes, place) => {
    const maps = 'mapSet' in at && setReference('map-set', at.mapSet).index.read(bytes, place) !== IPSET_INVALID_ID
    return maps && (at.flags.read(bytes, place) & (MARK | PRIO | QUEUE)) === 0
      ? about('map-set', '--map-set needs --map-mark, --map-prio or --map-queue')
      : undefined
  },
  does: (at) => {
    if (!('mapSet' in at)) return () => []
    const { flags, mapSet } = at
    const { index } = setReference('map-set', mapSet)
    return (bytes, place) => {
      const maps = index.read(bytes, place) !== IPSET_INVALID_ID && bit(flags, MARK).read(bytes, place)
      return maps ? [forget(meta(NFT_META.MARK))] : []
    }
  },
  options: (at) => {
    const { addSet, delSet, mapSet, flags = constant(0), timeout = constant(NO_TIMEOUT) }: SetFields = at
    return {
      'add-set': optionalSet('add-set', addSet),
      exist: flag(bit(flags, 0x01), { needs: ['add-set'], list: 'exist' }),
      timeout: option(integer(NO_TIMEOUT - 1), timeout, { absent: NO_TIMEOUT, needs: ['add-set'] }),
      'del-set': optionalSet('del-set', delSet),
      'map-set': optionalSet('map-set', mapSet),
      'map-mark': flag(bit(flags, MARK), { needs: ['map-set'] }),
      'map-prio': flag(bit(flags, PRIO), { needs: ['map-set'] }),
      'map-queue': flag(bit(flags, QUEUE), { needs: ['map-set'] }),
    }
  },
})
