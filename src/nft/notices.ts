/** What nf_tables tells of changes: their messages, and the one behind them that says of which generation they are. */
import type { Message } from '../netlink/message'
import { readMessage } from '../netlink/message'
import { messages } from './messages'

/**
 * Who made a change, as far as the kernel says.
 * @since 0.1.0
 */
export interface Author {
  /** Of the process, as its own process namespace counts; in ours it may be another. */
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

/** Puts together what took effect together. What comes last without saying its generation is not told. */
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

/** Whether a generation came after another: they are counted in 32 bits. */
export const isAfter = (generation: number, other: number): boolean => ((generation - other) | 0) > 0
