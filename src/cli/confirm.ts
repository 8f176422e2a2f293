/** `xtables apply --confirm SECONDS`, and the commands that confirm the change or take it back. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backendOfEnvironment } from '../backend/open'
import { IptcError } from '../errors'
import type { Plan } from '../reconcile/plan'
import { type TakenBack, takeBack, takeBackOf } from '../reconcile/take-back'
import { CONFIRM, HOLD_CHANGE, ROLLBACK } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { type OpenKernel, openKernel, type Place } from './open-kernel'
import { Pending, type PendingData } from './pending'
import type { Streams } from './streams'

/** How often files are looked at. */
const POLL_MS = 50
/** How long the process that takes the change back may need to start, and to do it. */
const START_MS = 20_000
const END_MS = 10_000
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
 * Carries a plan out once there is a process that takes it back. On a terminal, it asks whether the change is to be kept;
 * otherwise it says how that is done, and ends.
 * @returns what is to be done when the user has read what was changed
 * @throws IptcError where there is no such process, and what {@link Plan.apply} throws
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
    // The other knows by this that no change will come any more, also where this process is killed.
    holder.end()
  }
  return () => {
    if (streams.goOn !== undefined && streams.ask !== undefined)
      streams.goOn((signal) => askToKeep(pending, seconds, streams, signal))
    else if (pending.decision === undefined)
      streams.stdout(`taken back in ${seconds} seconds, unless: xtables confirm ${pending.directory}\n`)
    else throw new IptcError('XT_COMMAND', 'the time ran out before the change was made: it is taken back')
  }
}

function dataOf(plan: Plan, seconds: number, place: Place, { kernel, writing }: OpenKernel): PendingData {
  const backend = writing.backend ?? backendOfEnvironment()
  return {
    place: { ...place, backend, ...(place.state !== undefined && { state: resolve(place.state) }) },
    namespace: typeof kernel.place === 'number' ? kernel.place : null,
    seconds,
    takeBack: takeBackOf(plan, { kernel, ...writing }),
  }
}

/**
 * Starts the process that takes the change back, in a session of its own, so that it outlives this one and its terminal.
 * @returns what tells it that no change will come any more
 * @throws IptcError where it does not start; nothing has been changed then
 */
function startHolder(pending: Pending, self: readonly string[] | undefined): { end(): void } {
  const [program = process.execPath, ...words] = self ?? []
  const child = spawn(program, [...words, HOLD_CHANGE.name, pending.directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Why it does not start is of no interest beside that.
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
        `nothing was changed: the process that would take the change back did not start${result ? `: ${result.lines.join()}` : ''}`,
      )
    }
  }
  return { end: () => child.stdin?.destroy() }
}

/** A directory that is gone, full or read-only hides no other error, and keeps no change from being taken back. */
function whereItCan(write: () => void): void {
  try {
    write()
  } catch {
    // Nobody can confirm the change there either.
  }
}

const pause = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)

// The one that asks

async function askToKeep(pending: Pending, seconds: number, streams: Streams, signal: AbortSignal): Promise<number> {
  const over = new AbortController()
  let answer: string | undefined
  const question = `Keep the change? It is taken back in ${seconds} seconds. [y/N] `
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
    streams.stderr(`xtables: the change is taken back: somebody has deleted ${pending.directory}\n`)
    return 1
  }
  const end = performance.now() + END_MS
  while (pending.result === undefined && performance.now() < end) await sleep(POLL_MS)
  streams.stderr(`xtables: the change is taken back\n${textOf(pending.result ?? takenBackHere(pending))}`)
  return 1
}

/** The process that was to do it does not answer. Where both do it, the second finds nothing to do. */
function takenBackHere(pending: Pending): TakenBack {
  const { place, namespace, takeBack: what } = pending.data
  using open = openKernel(place)
  const { kernel, writing } = open
  if (typeof kernel.place === 'number' && kernel.place !== namespace)
    throw new IptcError(
      'XT_COMMAND',
      'the change was made in another network namespace, and the process that was to take it back does not answer',
    )
  const result = takeBack(what, { kernel, ...writing })
  open.save()
  pending.result = result
  return result
}

const textOf = ({ lines }: TakenBack): string =>
  (lines.length > 0 ? lines : ['there was nothing to take back']).map((line) => `${line}\n`).join('')

// The one that waits

/** `hold-change DIRECTORY`: takes the change back when its time is over, or as soon as that is decided. */
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
    // From now on, its namespace stays, whatever becomes of the name. A file of tables is held by who changes them.
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
  // Others may delete the directory: then it may have begun, and what was changed is taken back as well.
  const mayHaveBegun = (): boolean => pending.has('begun') || pending.decision === 'gone'
  while (!isOver && !mayHaveBegun()) await sleep(POLL_MS)
  const hasBegun = mayHaveBegun()
  const end = performance.now() + data.seconds * 1000
  // Whoever ends this process wants no change that nobody waits for any more.
  const isTime = (): boolean => performance.now() >= end || signal.aborted || !hasBegun
  while (pending.decision === undefined && !isTime()) await sleep(POLL_MS)
  whereItCan(() => pending.decide('undo'))
  if (pending.decision === 'kept') {
    // Who still asks is to find that it was kept.
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

/** @param over when no change will come any more */
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

// The one that decides

/** `confirm DIRECTORY`: what was changed stays. @throws IptcError where that is too late */
export function runConfirm(args: readonly string[]): void {
  const pending = Pending.open(readWords(CONFIRM, args).positionals[0] as string)
  if (!pending.decide('kept') && pending.decision !== 'kept')
    throw new IptcError(
      'XT_COMMAND',
      `it is too late: the change ${pending.result === undefined ? 'is being' : 'was'} taken back`,
    )
}

/** `rollback DIRECTORY`: what was changed is taken back at once. */
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
