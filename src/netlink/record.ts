/** Records netlink exchanges, and replays them where there is no Linux. */

import { check, isObject, type Taken } from '../check-input'
import { IptcError } from '../errors'
import { aNetlinkPort, type NetlinkConnection, NetlinkFailure, type NetlinkPort } from '../kernel/kernel'

/**
 * What happened on a socket. Bytes are in base64, failures carry their errno. It can be passed to
 * `JSON.stringify`.
 * @since 0.1.0
 */
export type NetlinkEvent =
  | readonly ['send', string]
  | readonly ['receive', string | null]
  | readonly ['join', number]
  | readonly ['fail', number]

/**
 * What happened on the sockets of a port. It can be passed to `JSON.stringify`.
 * @since 0.1.0
 */
export interface NetlinkRecording {
  /** The sockets, in the order in which they were opened. */
  readonly sockets: readonly {
    /** The netlink protocol, such as NETLINK_NETFILTER. */
    readonly protocol: number
    /** The events, in order. */
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
 * @returns a port that behaves the same, and the recording, which grows as it is used
 * @throws {@link IptcError} if `port` is not a netlink port
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
  /** Use this instead of the original port. */
  port: NetlinkPort
  /** What has happened so far; it grows. */
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
 * Replays a recording: a port on which exactly the recorded exchange happens.
 * @throws {@link IptcError} on its sockets, if a request differs from the recorded one
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
        throw new IptcError('XT_BAD_CAPTURE', `more sockets were opened than the ${sockets.length} in the recording`)
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
