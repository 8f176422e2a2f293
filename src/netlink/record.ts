/** Exchanges over netlink, written down while they happen and played again where there is no Linux. */

import { check, isObject, type Taken } from '../check-input'
import { IptcError } from '../errors'
import { aNetlinkPort, type NetlinkConnection, NetlinkFailure, type NetlinkPort } from '../kernel/kernel'

/**
 * What happened on one socket, in order. Bytes in base64; what failed, with its errno. What `JSON.stringify` takes.
 * @since 0.1.0
 */
export type NetlinkEvent =
  | readonly ['send', string]
  | readonly ['receive', string | null]
  | readonly ['join', number]
  | readonly ['fail', number]

/**
 * What happened on the sockets of a port. `JSON.stringify` takes it.
 * @since 0.1.0
 */
export interface NetlinkRecording {
  /** The sockets, in the order in which they were opened. */
  readonly sockets: readonly {
    /** That of netlink, as NETLINK_NETFILTER. */
    readonly protocol: number
    /** In their order. */
    readonly events: readonly NetlinkEvent[]
  }[]
}

const isEvent = (event: unknown): boolean =>
  Array.isArray(event) &&
  (event[0] === 'send' || event[0] === 'receive'
    ? typeof event[1] === 'string' || (event[0] === 'receive' && event[1] === null)
    : (event[0] === 'join' || event[0] === 'fail') && typeof event[1] === 'number')

const isSocket = (socket: unknown): boolean => {
  const { protocol, events } = (isObject(socket) ? socket : {}) as Record<string, unknown>
  return typeof protocol === 'number' && Array.isArray(events) && events.every(isEvent)
}

const aRecording: Taken = {
  accepts: (value) => {
    const { sockets } = (isObject(value) ? value : {}) as Record<string, unknown>
    return Array.isArray(sockets) && sockets.every(isSocket)
  },
  expected: 'a recording, as recordNetlink makes it',
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

/**
 * Records what happens on the sockets of a port.
 * @returns a port that does the same, beside what has happened there, which grows
 * @throws {@link IptcError} for what is no port
 * @since 0.1.0
 * @example
 * ```ts
 * import { IpSet, MemoryKernel, recordNetlink } from 'xtables'
 *
 * const { port, recording } = recordNetlink(new MemoryKernel())
 * IpSet.create('blocked', 'hash:ip', {}, { kernel: port }).close()
 * console.log(recording.sockets.length) // 1
 * ```
 */
export function recordNetlink(port: NetlinkPort): {
  /** To be used in place of the other. */
  port: NetlinkPort
  /** What has happened there; it grows. */
  recording: NetlinkRecording
} {
  check('what is recorded', port, aNetlinkPort)
  const sockets: { protocol: number; events: NetlinkEvent[] }[] = []
  const recorder: NetlinkPort = {
    description: port.description,
    netlink(protocol) {
      const connection = port.netlink(protocol)
      const events: NetlinkEvent[] = []
      sockets.push({ protocol, events })
      return recorded(connection, events)
    },
  }
  return { port: recorder, recording: { sockets } }
}

function recorded(connection: NetlinkConnection, events: NetlinkEvent[]): NetlinkConnection {
  const note = (error: unknown): unknown => {
    if (error instanceof NetlinkFailure) events.push(['fail', error.errno])
    return error
  }
  const noting = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw note(error)
    }
  }
  return {
    place: connection.place,
    send(bytes) {
      events.push(['send', toBase64(bytes)])
      noting(() => connection.send(bytes))
    },
    async sendAsync(bytes) {
      events.push(['send', toBase64(bytes)])
      await connection.sendAsync(bytes).catch((error: unknown) => {
        throw note(error)
      })
    },
    receive(wait) {
      const bytes = noting(() => connection.receive(wait))
      events.push(['receive', bytes === undefined ? null : toBase64(bytes)])
      return bytes
    },
    join(group) {
      events.push(['join', group])
      noting(() => connection.join(group))
    },
    close: () => connection.close(),
  }
}

/**
 * A port at which happens what has been recorded, and nothing else.
 * @throws {@link IptcError} where something else is asked of it, by its sockets
 * @since 0.1.0
 * @example
 * ```ts
 * import { IpSet, MemoryKernel, recordNetlink, replayNetlink } from 'xtables'
 *
 * const { port, recording } = recordNetlink(new MemoryKernel({ sets: { blocked: 'ipv4' } }))
 * IpSet.names({ kernel: port })
 * const copy = JSON.parse(JSON.stringify(recording))
 * console.log(IpSet.names({ kernel: replayNetlink(copy) })) // [ 'blocked' ]
 * ```
 */
export function replayNetlink(recording: NetlinkRecording): NetlinkPort {
  check('what is played again', recording, aRecording)
  const { sockets } = recording
  let opened = 0
  return {
    description: 'a recording',
    netlink(protocol) {
      const socket = sockets[opened++]
      if (socket === undefined)
        throw new IptcError('XT_BAD_CAPTURE', `the recording has ${sockets.length} sockets, and no more`)
      if (socket.protocol !== protocol)
        throw new IptcError(
          'XT_BAD_CAPTURE',
          `socket ${opened} of the recording is of protocol ${socket.protocol}, not ${protocol}`,
        )
      return replayed(socket.events, `socket ${opened} of the recording`)
    },
  }
}

function replayed(events: readonly NetlinkEvent[], where: string): NetlinkConnection {
  let next = 0
  const take = (what: NetlinkEvent[0], value?: string | number): NetlinkEvent[1] => {
    const [recordedWhat, recordedValue] = events[next] ?? ['end', null]
    if (recordedWhat !== what || (value !== undefined && recordedValue !== value))
      throw new IptcError(
        'XT_BAD_CAPTURE',
        `${where}, event ${next}: ${what} ${value ?? ''} where it has ${recordedWhat} ${recordedValue}`,
      )
    next++
    return recordedValue
  }
  const failing = (): void => {
    const [what, errno] = events[next] ?? []
    if (what !== 'fail') return
    next++
    throw new NetlinkFailure(errno)
  }
  return {
    send(bytes) {
      take('send', toBase64(bytes))
      failing()
    },
    async sendAsync(bytes) {
      take('send', toBase64(bytes))
      failing()
    },
    receive() {
      failing()
      const bytes = take('receive')
      return bytes === null ? undefined : fromBase64(bytes as string)
    },
    join(group) {
      take('join', group)
      failing()
    },
    close() {},
  }
}
