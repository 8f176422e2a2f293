/** `xtables monitor`: prints changes of nf_tables and traced packets in the format of xtables-monitor(8). */
import { ERRNO } from '../abi/errno'
import { FAMILIES, type FamilyName } from '../abi/family'
import { NETLINK_NETFILTER } from '../abi/netlink'
import { NFNLGRP } from '../abi/nfnetlink'
import { NftClient } from '../backend/nft/client'
import { withNetlink } from '../backend/open'
import { kernelSets } from '../backend/sets'
import { KernelError } from '../errors'
import type { Context } from '../extensions/context'
import { toJson } from '../json'
import { Client } from '../kernel/client'
import type { Kernel, NetlinkPort } from '../kernel/kernel'
import { interfaceNames } from '../netlink/interfaces'
import { type Message, readMessage } from '../netlink/message'
import { subscribe } from '../netlink/subscribe'
import { messages } from '../nft/messages'
import { traceMessage } from '../nft/trace'
import { MONITOR } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { familyName, heldRuleWords, noticeOf, ruleWords } from './event-text'
import type { Io, OpenKernel } from './open-kernel'
import { hasPacket, packetTold, stepTold, type Told } from './trace-text'

interface Request {
  readonly event: boolean
  readonly trace: boolean
  /** Undefined for all families, including those that iptables does not support. */
  readonly family: FamilyName | undefined
  readonly table: string | undefined
  /** The number of lines after which to exit. */
  readonly count: number
  /** Print lines of JSON. */
  readonly json: boolean
}

/** @throws IptcError */
function readRequest(args: string[]): Request {
  const { values, positionals } = readWords(MONITOR, args)
  const [table] = positionals
  const families = new Set<string>([
    ...(values.ipv4 ? ['ipv4'] : []),
    ...(values.ipv6 ? ['ipv6'] : []),
    ...(values.family === undefined ? [] : [values.family]),
  ])
  const [family, other] = [...families]
  if (other !== undefined)
    throw new CommandLineError('-4 and -6 exclude each other: without them, monitor shows all families')
  if (family !== undefined && !Object.hasOwn(FAMILIES, family))
    throw new CommandLineError(`--family must be ${Object.keys(FAMILIES).join(' or ')}, not ${family}`)
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count)
  if (!(count > 0)) throw new CommandLineError(`--count must be a number of lines from 1, not ${values.count}`)
  const trace = values.trace ?? false
  return {
    event: values.event ?? !trace,
    trace,
    family: family as FamilyName | undefined,
    table,
    count,
    json: values.json ?? false,
  }
}

/** Runs until the signal, or until `--count` lines are printed. */
export async function monitor(
  args: string[],
  { kernel }: OpenKernel,
  { stdout }: Pick<Io, 'stdout'>,
  signal: AbortSignal,
): Promise<void> {
  const asked = readRequest(args)
  using lines = new Lines(kernel, asked)
  const print = ({ text, data }: Told): void => stdout(asked.json ? `${toJson(data, 0)}\n` : text)
  let left = asked.count
  const groups = [NFNLGRP.NFTABLES, ...(asked.trace ? [NFNLGRP.NFTRACE] : [])]
  while (!signal.aborted)
    try {
      for await (const message of subscribe(withNetlink(kernel), NETLINK_NETFILTER, groups, { signal, restMs: 5 }))
        for (const line of lines.of(message)) {
          print(line)
          if (--left <= 0) return
        }
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === ERRNO.ENOBUFS)) throw error
      lines.forget()
      print(LOST)
    }
}

const LOST: Told = {
  text: '# messages were lost: more was changed, or traced, than there was room for\n',
  data: { kind: 'lost' },
}

/** Converts messages to lines. */
class Lines implements Disposable {
  readonly #kernel: Kernel & NetlinkPort
  readonly #asked: Request
  readonly #clients: Readonly<Record<FamilyName, Client>>
  readonly #contexts = new Map<number, Context>()
  /** The text of rules by family, table and handle; undefined if it may be outdated. */
  #rules: Map<string, string> | undefined
  #interfaces = new Map<number, string>()
  /** Whether an event was printed since the last message about a generation. */
  #isTold = false

  constructor(kernel: Kernel, asked: Request) {
    this.#kernel = withNetlink(kernel)
    this.#asked = asked
    this.#clients = { ipv4: new Client(kernel, FAMILIES.ipv4), ipv6: new Client(kernel, FAMILIES.ipv6) }
    for (const family of Object.values(FAMILIES))
      this.#contexts.set(family.domain, { family, sets: kernelSets(this.#clients[family.name]) })
    // This reports a kernel without nf_tables and missing privileges, with better messages than joining the group.
    const client = new NftClient(this.#kernel, FAMILIES.ipv4)
    client.generation()
    client.close()
  }

  [Symbol.dispose](): void {
    for (const client of Object.values(this.#clients)) client.close()
  }

  /** Discards the text of rules, which may have changed. */
  forget(): void {
    this.#rules = undefined
  }

  #isAsked(family: number, table: string | undefined): boolean {
    const { family: name, table: only } = this.#asked
    return (name === undefined || FAMILIES[name].domain === family) && (only === undefined || only === table)
  }

  *of(message: Message): Generator<Told, void, void> {
    if (message.type === traceMessage.type) return yield* this.#trace(message)
    if (message.type === messages.newGen.type) this.forget()
    if (!this.#asked.event) return
    if (message.type === messages.newGen.type) yield* this.#generation(message)
    else yield* this.#event(message)
  }

  *#event(message: Message): Generator<Told, void, void> {
    const notice = noticeOf(message, (family) => this.#contexts.get(family))
    if (notice === undefined || !this.#isAsked(notice.family, notice.table)) return
    this.#isTold = true
    const { table, text } = notice
    const { kind, ...place } = notice.data
    yield { text: ` EVENT: ${text}\n`, data: { kind, family: familyName(notice.family), table, ...place, text } }
  }

  /** If a table is selected, only generations that changed it are printed. */
  *#generation(message: Message): Generator<Told, void, void> {
    const { id, pid, program } = readMessage(messages.newGen, message).values
    const isWanted = this.#asked.table === undefined || this.#isTold
    this.#isTold = false
    if (isWanted)
      yield {
        text: `NEWGEN: GENID=${id} PID=${pid} NAME=${program}\n`,
        data: { kind: 'generation', generation: id, pid, program },
      }
  }

  *#trace(message: Message): Generator<Told, void, void> {
    const { head, values } = readMessage(traceMessage, message)
    const { nfgenFamily: tableFamily } = head
    if (!this.#isAsked(tableFamily, values.table)) return
    if (hasPacket(values)) yield packetTold(values.nfproto ?? tableFamily, values, (index) => this.#interface(index))
    const handle = values.ruleHandle
    const step = stepTold(tableFamily, values, handle ? this.#rule(tableFamily, values.table ?? '', handle) : '')
    if (step !== undefined) yield step
  }

  #interface(index: number): string {
    if (!this.#interfaces.has(index)) this.#interfaces = interfaceNames(this.#kernel)
    return this.#interfaces.get(index) ?? String(index)
  }

  /** The text of a rule with a space before it. Empty if the rule no longer exists. */
  #rule(family: number, table: string, handle: bigint): string {
    const context = this.#contexts.get(family)
    if (context === undefined) return ''
    this.#rules ??= new Map()
    const place = `${family} ${table}`
    if (!this.#rules.has(place)) this.#readRules(this.#rules, place, context, table)
    return this.#rules.get(`${place} ${handle}`) ?? ''
  }

  #readRules(texts: Map<string, string>, place: string, context: Context, table: string): void {
    texts.set(place, '')
    const client = new NftClient(this.#kernel, context.family)
    try {
      for (const rule of client.rules(table)) {
        const text = ruleWords(rule, context) ?? heldRuleWords(context.family.domain, rule)
        texts.set(`${place} ${rule.handle}`, ` ${text}`)
      }
    } finally {
      client.close()
    }
  }
}
