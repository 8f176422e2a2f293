/** Notifications of nf_tables changes: the messages of a batch, and the one after them with its generation. */
import type { Message } from '../netlink/message'
import { readMessage } from '../netlink/message'
import { messages } from './messages'

/**
 * Who made a change, as far as the kernel reports it.
 * @since 0.1.0
 */
export interface Author {
  /** The process ID in the process's own PID namespace, which may differ from ours. */
  readonly pid: number | undefined
  /** The name of its thread, of which the kernel keeps 15 bytes. */
  readonly program: string | undefined
}

/** Changes that took effect together. */
export interface NoticeBatch {
  readonly messages: readonly Message[]
  readonly generation: number
  readonly by: Author
}

/** Groups changes by batch. Changes at the end without a generation message are not reported. */
export async function* batchesOf(notices: AsyncIterable<Message>): AsyncGenerator<NoticeBatch, void, void> {
  let together: Message[] = []
  for await (const message of notices) {
    if (message.type !== messages.newGen.type) {
      together.push(message)
      continue
    }
    const { id = 0, pid, program } = readMessage(messages.newGen, message).values
    yield { messages: together, generation: id, by: { pid, program } }
    together = []
  }
}

/** Whether one generation came after another, with 32-bit wraparound. */
export const isAfter = (generation: number, other: number): boolean => ((generation - other) | 0) > 0
