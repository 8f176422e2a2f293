/** `xtables apply --confirm SECONDS`, and the commands that confirm the change or roll it back. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IptcError } from '../errors'
import type { Plan } from '../reconcile/plan'
import { type TakenBack, takeBack, takeBackOf } from '../reconcile/take-back'
import { CONFIRM, HOLD_CHANGE, ROLLBACK } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { type OpenKernel, openKernel, type Place } from './open-kernel'
import { Pending, type PendingData } from './pending'
import type { Streams } from './streams'

/** How often the shared files are polled. */
const POLL_MS = 50
/** How long the holder, the process that rolls the change back, may take to start. */
const START_MS = 20_000
/** How long to wait for the holder to roll the change back. */
const END_MS = 10_000
/** How long the directory stays after a confirmation, so that other processes can read the decision. */
const KEPT_MS = 2000
const MOST_SECONDS = 86_400

/** @throws CommandLineError */
export function secondsOf(word: string): number {
  const seconds = /^\d{1,5}$/.test(word) ? Number(word) : 0
  if (seconds < 1 || seconds > MOST_SECONDS)
    throw new CommandLineError(`--confirm takes a number of seconds from 1 to ${MOST_SECONDS}, not ${word}`)
  return seconds
}

/**
 * Applies a plan after starting the process that rolls it back.
 * @returns a function to call after the changes have been printed. On a terminal, it asks whether to keep the change;
 * otherwise it prints the command that confirms it.
 * @throws IptcError if the process does not start, and what {@link Plan.apply} throws
 */
export function applyPending(
  plan: Plan,
  seconds: number,
  place: Place,
  open: OpenKernel,
  streams: Streams,
): () => void {
  if (place.kernel === 'memory' && place.state === undefined)
    throw new CommandLineError(
      '--confirm with --kernel memory requires --state: no other process can reach the tables in this one',
    )
  const pending = Pending.make(dataOf(plan, seconds, place, open))
  const holder = startHolder(pending, streams.self)
  try {
    pending.mark('begun')
    plan.apply()
    open.save()
  } catch (error) {
    whereItCan(() => {
      pending.mark('failed')
      pending.decide('undo')
    })
    throw error
  } finally {
    // This tells the holder that no change will follow. It gets the same signal if this process is killed.
    holder.end()
  }
  return () => {
    if (streams.goOn !== undefined && streams.ask !== undefined)
      streams.goOn((signal) => askToKeep(pending, seconds, streams, signal))
    else if (pending.decision === undefined)
      streams.stdout(`rolled back in ${seconds} seconds, unless you run: xtables confirm ${pending.directory}\n`)
    else throw new IptcError('XT_COMMAND', 'the time ran out before the change was made: it is rolled back')
  }
}

function dataOf(plan: Plan, seconds: number, place: Place, { kernel, writing }: OpenKernel): PendingData {
  return {
    place: { ...place, backend: writing.backend, ...(place.state !== undefined && { state: resolve(place.state) }) },
    namespace: typeof kernel.place === 'number' ? kernel.place : null,
    seconds,
    takeBack: takeBackOf(plan, { kernel, ...writing }),
  }
}

/**
 * Starts the holder in its own session, so that it survives the end of this process and of its terminal.
 * @returns a handle that tells the holder that no change will follow
 * @throws IptcError if the holder does not start. Nothing has been changed then.
 */
function startHolder(pending: Pending, self: readonly string[] | undefined): { end(): void } {
  const [program = process.execPath, ...words] = self ?? []
  const child = spawn(program, [...words, HOLD_CHANGE.name, pending.directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // A failed start is detected below: the child then has no pid, or does not become ready.
  child.on('error', () => {})
  child.stdin?.on('error', () => {})
  child.unref()
  const end = performance.now() + START_MS
  while (!pending.has('ready')) {
    const { result } = pending
    if (child.pid !== undefined && result === undefined && performance.now() < end) pause()
    else {
      pending.decide('undo')
      child.stdin?.destroy()
      pending.remove()
      throw new IptcError(
        'XT_COMMAND',
        `nothing was changed: the process that would roll the change back did not start${result ? `: ${result.lines.join()}` : ''}`,
      )
    }
  }
  return { end: () => child.stdin?.destroy() }
}

/**
 * Ignores errors when writing to the directory. It may have been deleted, or the disk is full or read-only: that must
 * not hide another error, or prevent the rollback.
 */
function whereItCan(write: () => void): void {
  try {
    write()
  } catch {
    // Nothing is lost: then the change cannot be confirmed either.
  }
}

const pause = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)

// The process that applied the change

async function askToKeep(pending: Pending, seconds: number, streams: Streams, signal: AbortSignal): Promise<number> {
  const over = new AbortController()
  let answer: string | undefined
  const question = `Keep the change? It is rolled back in ${seconds} seconds. [y/N] `
  const asked = streams.ask?.(question, over.signal).then(
    (line) => {
      answer = line
    },
    () => {
      answer = ''
    },
  )
  while (answer === undefined && pending.decision === undefined && !signal.aborted) await sleep(POLL_MS)
  over.abort()
  await asked
  const isYes = /^\s*y(es)?\s*$/i.test(answer ?? '')
  if (pending.decide(isYes ? 'kept' : 'undo') && isYes) return 0
  return told(pending, streams)
}

/** @returns the exit status, once it is known */
async function told(pending: Pending, streams: Pick<Streams, 'stdout' | 'stderr'>): Promise<number> {
  const { decision } = pending
  if (decision === 'kept') return 0
  if (decision === 'gone') {
    streams.stderr(`xtables: the change is rolled back, because another program deleted ${pending.directory}\n`)
    return 1
  }
  const end = performance.now() + END_MS
  while (pending.result === undefined && performance.now() < end) await sleep(POLL_MS)
  streams.stderr(`xtables: the change is rolled back\n${textOf(pending.result ?? takenBackHere(pending))}`)
  return 1
}

/** Rolls the change back in this process, if the holder does not answer. If both do it, the second finds nothing to do. */
function takenBackHere(pending: Pending): TakenBack {
  const { place, namespace, takeBack: what } = pending.data
  using open = openKernel(place)
  const { kernel, writing } = open
  if (typeof kernel.place === 'number' && kernel.place !== namespace)
    throw new IptcError(
      'XT_COMMAND',
      'the change was made in another network namespace, and the process that was to roll it back does not respond',
    )
  const result = takeBack(what, { kernel, ...writing })
  open.save()
  pending.result = result
  return result
}

const textOf = ({ lines }: TakenBack): string =>
  (lines.length > 0 ? lines : ['there was nothing to roll back']).map((line) => `${line}\n`).join('')

// The holder

/** `hold-change DIRECTORY`: rolls the change back when its time is over, or as soon as that is requested. */
export async function holdChange(
  [directory = '']: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const pending = Pending.open(directory)
  let data: PendingData
  let held: OpenKernel | undefined
  try {
    data = pending.data
    // This keeps the namespace alive, even if its name is removed. A state file is only opened for the rollback, because
    // an open state file is locked for other processes.
    held = data.place.state === undefined ? openKernel(data.place) : undefined
  } catch (error) {
    pending.result = { lines: [(error as Error).message], isDone: false }
    return 1
  }
  let isOver = false
  const over = streams.ended?.().then(() => {
    isOver = true
  })
  pending.mark('ready')
  // If somebody deletes the directory, the change may have begun, and is rolled back too.
  const mayHaveBegun = (): boolean => pending.has('begun') || pending.decision === 'gone'
  while (!isOver && !mayHaveBegun()) await sleep(POLL_MS)
  const hasBegun = mayHaveBegun()
  const end = performance.now() + data.seconds * 1000
  // A signal that ends this process also ends the wait: without the holder, nothing would roll the change back.
  const isTime = (): boolean => performance.now() >= end || signal.aborted || !hasBegun
  while (pending.decision === undefined && !isTime()) await sleep(POLL_MS)
  whereItCan(() => pending.decide('undo'))
  if (pending.decision === 'kept') {
    // The process that asks on a terminal must still find the decision.
    await sleep(KEPT_MS)
    pending.remove()
    return 0
  }
  const result = hasBegun ? await allTakenBack(data, held, over) : NOTHING
  whereItCan(() => {
    if (result.lines.length === 0 && (pending.has('failed') || !hasBegun)) pending.remove()
    else pending.result = result
  })
  return 0
}

const NOTHING: TakenBack = { lines: [], isDone: true }

/** Rolls back twice: the second time after `over`, when the process that applies the change can no longer change anything. */
async function allTakenBack(data: PendingData, held: OpenKernel | undefined, over?: Promise<void>): Promise<TakenBack> {
  const first = takenBackOnce(data, held)
  await over
  const last = takenBackOnce(data, held)
  return { lines: [...first.lines, ...last.lines], isDone: last.isDone }
}

function takenBackOnce({ place, takeBack: what }: PendingData, held: OpenKernel | undefined): TakenBack {
  using open = held === undefined ? openKernel(place) : undefined
  const { kernel, writing } = (held ?? open) as OpenKernel
  const result = takeBack(what, { kernel, ...writing, lockTimeoutMs: Number.POSITIVE_INFINITY })
  open?.save()
  return result
}

// confirm and rollback

/** `confirm DIRECTORY`: keeps the change. @throws IptcError if it is too late */
export function runConfirm(args: readonly string[]): void {
  const pending = Pending.open(readWords(CONFIRM, args).positionals[0] as string)
  if (!pending.decide('kept') && pending.decision !== 'kept')
    throw new IptcError(
      'XT_COMMAND',
      `it is too late: the change ${pending.result === undefined ? 'is being' : 'was'} rolled back`,
    )
}

/** `rollback DIRECTORY`: rolls the change back now. */
export async function runRollback(args: readonly string[], streams: Streams): Promise<number> {
  const pending = Pending.open(readWords(ROLLBACK, args).positionals[0] as string)
  if (!pending.decide('undo') && pending.decision === 'kept')
    throw new IptcError('XT_COMMAND', 'it is too late: the change was confirmed')
  const end = performance.now() + END_MS
  while (pending.result === undefined && performance.now() < end) await sleep(POLL_MS)
  const result = pending.result ?? takenBackHere(pending)
  streams.stdout(textOf(result))
  return result.isDone ? 0 : 1
}
