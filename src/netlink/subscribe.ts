/** What the kernel tells whoever listens: the messages of multicast groups. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NetlinkConnection, NetlinkPort } from '../kernel/kernel'
import { turns } from '../time-slices'
import { explainFailure, received } from './client'
import type { Message } from './message'

export interface SubscribeOptions {
  /** Ends the iteration, also while it waits. */
  readonly signal?: AbortSignal | undefined
  /** How long to rest where nothing is there, in milliseconds; 20 unless said. A message is told at most so much late. */
  readonly restMs?: number | undefined
}

/**
 * The messages of some groups, from now on: the socket listens when this returns. Between messages it rests and looks
 * again, as a thread that waits in the kernel would be one of the four that Node has for everything.
 * @throws KernelError; that of ENOBUFS, while iterating, where messages were lost
 */
export function subscribe(
  port: NetlinkPort,
  protocol: number,
  groups: readonly number[],
  options: SubscribeOptions = {},
): AsyncGenerator<Message, void, void> {
  const connection = port.netlink(protocol)
  try {
    for (const group of groups) connection.join(group)
  } catch (error) {
    connection.close()
    throw explainFailure('NETLINK_ADD_MEMBERSHIP', error)
  }
  return begun(listen(connection, options))
}

/**
 * A generator that holds something from the start, run up to its first `yield`, which nobody sees: one that is ended before
 * it began would never come to its `finally`.
 */
export function begun<T>(generator: AsyncGenerator<T | undefined, void, void>): AsyncGenerator<T, void, void> {
  void generator.next()
  return generator as AsyncGenerator<T, void, void>
}

async function* listen(
  connection: NetlinkConnection,
  { signal, restMs = 20 }: SubscribeOptions,
): AsyncGenerator<Message | undefined, void, void> {
  const isOver = (): boolean => signal?.aborted === true
  try {
    yield undefined
    for (const turn = turns(); !isOver(); ) {
      const bytes = connection.receive(false)
      if (bytes === undefined) await rest(restMs, signal)
      else
        for (const message of received(bytes)) {
          yield message
          if (isOver()) return
        }
      // Where there is one message after the other, others have their turn too.
      await turn()
    }
  } catch (error) {
    throw explainFailure('receiving', error)
  } finally {
    connection.close()
  }
}

/** Also ends with the signal, which whoever rests looks at next. */
export async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => {})
}
