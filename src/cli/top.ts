/** `xtables top`: shows the rules that match packets now, with their rates. */
import { setTimeout as timeout } from 'node:timers/promises'
import { toJson } from '../json'
import { type Paint, paintOf } from '../terminal-style'
import { visible } from '../view/escape'
import { type RuleRate, rates } from '../view/rates'
import type { TableSnapshot } from '../view/snapshot'
import { TOP } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import type { Io, OpenKernel } from './open-kernel'
import { Screen, type Terminal } from './screen'
import { readTablesAsync } from './view'

/** The maximum of Node's timers. */
const MAX_SECONDS = 2_147_483

function readDelay(word: string): number {
  const seconds = word.trim() === '' ? Number.NaN : Number(word)
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds
  throw new CommandLineError(`--delay must be a number of seconds above 0, not ${word}`)
}

function readCount(word: string | undefined): number {
  if (word === undefined) return Number.POSITIVE_INFINITY
  if (/^[1-9]\d*$/.test(word)) return Number(word)
  throw new CommandLineError(`--count must be a number of readings from 1, not ${word}`)
}

/** What was counted between two readings of the tables. */
interface Interval {
  /** The time of the later reading, in milliseconds since 1970. */
  readonly time: number
  readonly seconds: number
  /** The number of all rules. */
  readonly total: number
  /** The rules that have counted packets, busiest first. */
  readonly rules: readonly RuleRate[]
}

/**
 * Intervals, each of a wait plus the time to read the tables.
 * @param before the first reading
 */
async function* intervals(
  before: TableSnapshot[],
  read: () => Promise<TableSnapshot[]>,
  wait: () => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Interval, void, void> {
  for (let [old, start] = [before, performance.now()]; ; ) {
    await wait()
    if (signal.aborted) return
    const [after, now] = [await read(), performance.now()]
    const rules = rates(old, after).filter(({ packets, bytes }) => packets > 0n || bytes > 0n)
    yield { time: performance.timeOrigin + now, seconds: (now - start) / 1000, total: countOf(after), rules }
    ;[old, start] = [after, now]
  }
}

const countOf = (tables: readonly TableSnapshot[]): number =>
  tables.reduce((all, { chains }) => chains.reduce((sum, { rules }) => sum + rules.length, all), 0)

export interface TopIo extends Pick<Io, 'stdout' | 'colours'> {
  /** The terminal, if standard output is one. */
  readonly terminal?: (() => Terminal | undefined) | undefined
  /** Waits between two readings, no longer than until the signal. Tests act here. */
  readonly sleep?: typeof sleep
}

export const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  timeout(ms, undefined, { signal }).catch(() => {})

/** Runs until the signal, `q`, or `--count` intervals. */
export async function runTop(args: string[], open: OpenKernel, io: TopIo, signal: AbortSignal): Promise<void> {
  const { values } = readWords(TOP, args)
  const [delay, count] = [readDelay(values.delay), readCount(values.count)]
  const read = (): Promise<TableSnapshot[]> => readTablesAsync(values, open)
  // Errors of the first reading are reported before the screen is switched.
  const before = await read()
  const end = new AbortController()
  signal.addEventListener('abort', () => end.abort())
  if (signal.aborted) end.abort()
  const terminal = values.json ? undefined : io.terminal?.()
  using screen = terminal && new Screen(terminal, io.stdout, () => end.abort())
  const show = values.json ? printJson(io) : screen ? drawOn(screen, io) : printBlock(io)
  screen?.draw(['…'])
  const wait = (): Promise<void> => (io.sleep ?? sleep)(delay * 1000, end.signal)
  let shown = 0
  for await (const interval of intervals(before, read, wait, end.signal)) {
    show(interval)
    if (++shown >= count) return
  }
}

type Show = (interval: Interval) => void

const printJson =
  ({ stdout }: TopIo): Show =>
  ({ time, seconds, rules }) =>
    stdout(`${toJson({ time, seconds, rules }, 0)}\n`)

const printBlock = ({ stdout, colours }: TopIo): Show => {
  const paint = paintOf(colours?.() ?? false)
  return (interval) => stdout(`${linesOf(interval, paint).join('\n')}\n\n`)
}

const drawOn = (screen: Screen, { colours }: TopIo): Show => {
  const paint = paintOf(colours?.() ?? false)
  return (interval) => screen.draw(linesOf(interval, paint))
}

const [RATE, NAME] = [11, 8]
const HEADING = `${'packets/s'.padStart(RATE)}  ${'bytes/s'.padStart(RATE)}  ${'table'.padEnd(2 * NAME)}chain and rule`

function linesOf({ time, seconds, total, rules }: Interval, paint: Paint): string[] {
  const counted = `${rules.length} of ${total} rule${total === 1 ? '' : 's'} counted`
  return [
    paint('bold', `${new Date(time).toISOString()}  ${seconds.toFixed(1)} s  ${counted}`),
    paint('dim', HEADING),
    ...rules.map(lineOf),
  ]
}

function lineOf({ family, table, chain, position, rule, packetsPerSecond, bytesPerSecond }: RuleRate): string {
  const [packets, bytes] = [packetsPerSecond, bytesPerSecond].map((rate) => short(rate).padStart(RATE))
  return `${packets}  ${bytes}  ${`${family} ${table}`.padEnd(2 * NAME)}${visible(chain)} ${position}  ${visible(rule)}`
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z']

/** A number with about four digits and a decimal prefix: `12.34k`. */
function short(rate: number): string {
  const power = Math.min(PREFIXES.length - 1, rate < 1000 ? 0 : Math.floor(Math.log10(rate) / 3))
  const value = rate / 1000 ** power
  return `${value.toFixed(power === 0 ? 1 : 2)}${PREFIXES[power]}`
}
