/** Subscribes to the kernel's notifications: the messages of multicast groups. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NetlinkConnection, NetlinkPort } from '../kernel/kernel'
import { turns } from '../time-slices'
import { explainFailure, received } from './client'
import type { Message } from './message'

export interface SubscribeOptions {
  /** Ends the iteration, even while it waits. */
  readonly signal?: AbortSignal | undefined
  /**
   * How long to sleep if there is no message, in milliseconds; default 20. A message is delivered at most
   * this late.
   */
  readonly restMs?: number | undefined
}

/**
 * The messages of some groups from now on: the socket is subscribed when this returns. It polls and sleeps,
 * because a thread that blocks in the kernel would occupy one of Node's four pool threads.
 * @throws KernelError; while iterating, ENOBUFS if messages were lost
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
 * Starts a generator that holds a resource and runs it to its first `yield`, which the consumer does not see.
 * A generator that is ended before it starts would never reach its `finally`.
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
      // Gives other tasks a turn if messages keep coming.
      await turn()
    }
  } catch (error) {
    throw explainFailure('receiving', error)
  } finally {
    connection.close()
  }
}

/** Ends early if the signal is aborted. The caller checks the signal next. */
export async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => {})
}
