/** Messages about sets, as a program may send them to a kernel; the in-process one answers. */

import { NETLINK_NETFILTER, NLMSG_DONE, NLMSG_ERROR } from '../../src/abi/netlink'
import { IpSet, MemoryKernel } from '../../src/index'
import { commands } from '../../src/ipset/messages'
import type { NetlinkConnection } from '../../src/kernel/kernel'
import { messagesIn, readMessage } from '../../src/netlink/message'
import { refusalOf } from '../../src/netlink/refusal'
import { type SetFixture, setFixtures } from '../../test/support/set-fixtures'
import { editBytes } from '../edit'
import { refused } from '../guard'
import { insist, type Kind, pick } from '../kind'

interface Input {
  readonly fixture: SetFixture
  readonly bytes: Uint8Array
}

/** What was said to Linux when sets of a type were tried. */
const sent = (fixture: SetFixture): Uint8Array[] =>
  fixture.recording.sockets.flatMap(({ events }) =>
    events.flatMap(([what, value]) =>
      what === 'send' ? [new Uint8Array(Buffer.from(value as string, 'base64'))] : [],
    ),
  )

const good = setFixtures.flatMap((fixture) => sent(fixture).map((bytes) => ({ fixture, bytes })))

/** So many that a range does not fill the memory. */
const ROOM = 1000

/** A kernel with a set of the recorded type, some entries in it, and those that a list may name. */
function world({ type, family, options, entries }: SetFixture): MemoryKernel {
  const kernel = new MemoryKernel({ sets: { one: 'ipv4', two: 'ipv4', three: 'ipv4' }, clock: () => 0 })
  const more = { ...(type.startsWith('hash') && { maxelem: ROOM }), ...(family === 'ipv6' && { family }) }
  const set = IpSet.create('set', type, { ...options, ...more } as never, { kernel })
  set.add(entries.slice(0, 5) as never, { exist: true })
  return kernel
}

const kinds = Object.values(commands) as (typeof commands.list)[]

/** Reads what is answered. @returns how many messages said that something was done, or was not */
function checkAnswers(connection: NetlinkConnection): void {
  for (let bytes = connection.receive(false); bytes !== undefined; bytes = connection.receive(false))
    for (const message of messagesIn(bytes)) {
      if (message.type === NLMSG_DONE) continue
      const kind = kinds.find(({ type }) => type === message.type)
      if (message.type === NLMSG_ERROR) refusalOf({ name: '' } as never, { ...message, flags: message.flags })
      else insist(kind !== undefined, () => `an answer of type ${message.type}`)
      if (kind !== undefined) readMessage(kind, message)
    }
}

/** What is told of the sets is the same by every way. */
function checkSets(kernel: MemoryKernel): void {
  const headers = IpSet.headers({ kernel })
  insist(headers.length === IpSet.names({ kernel }).length, () => 'there are names without sets')
  for (const { name, elements, index } of headers) {
    const set = refused(() => IpSet.open(name, { kernel }))
    if (set === undefined) continue
    const listed = set.list()
    insist(listed.length === elements, () => `${elements} elements of ${name}, of which ${listed.length} are listed`)
    insist(set.header().index === index, () => `${name} has two indexes`)
  }
}

export const sets: Kind<Input> = {
  name: 'sets',
  make({ item, edits }) {
    const { fixture, bytes } = pick(good, item)
    const others = [pick(good, item >>> 3).bytes, pick(good, item >>> 5).bytes]
    return { fixture, bytes: edits.reduce((all, edit) => editBytes(all, edit, others), bytes) }
  },
  examine({ fixture, bytes }) {
    const kernel = world(fixture)
    const connection = kernel.netlink(NETLINK_NETFILTER)
    const before = Buffer.from(bytes)
    refused(() => connection.send(bytes))
    insist(before.equals(bytes), () => 'sending has changed the bytes')
    checkAnswers(connection)
    connection.close()
    checkSets(kernel)
  },
  size: ({ bytes }) => bytes.length,
  show: ({ fixture, bytes }) => `${fixture.type} of ${fixture.family}\n${Buffer.from(bytes).toString('hex')}`,
}
