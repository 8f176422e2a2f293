/** The command `xtables`: one executable, which is what the word before its others says, or the name it was called by. */
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { isatty } from 'node:tty'
import type { FamilyName } from '../abi/family'
import type { BackendName } from '../backend/store'
import { decodeText, encodeText } from '../binary/text'
import { IptcError } from '../errors'
import type { NetlinkPort } from '../kernel/kernel'
import type { ToolKind } from './iptables-tools'
import type { Io, OpenKernel, Place } from './open-kernel'
import type { Streams } from './streams'

interface Applet {
  readonly family: FamilyName
  readonly kind: ToolKind
  /** Where its tables are; undefined where that is to be found out. */
  readonly backend: BackendName | undefined
}

const INFIXES: Readonly<Record<string, BackendName | undefined>> = { '': undefined, '-legacy': 'legacy', '-nft': 'nft' }

const APPLETS: Readonly<Record<string, Applet>> = Object.fromEntries(
  (['ipv4', 'ipv6'] as const).flatMap((family) =>
    Object.entries(INFIXES).flatMap(([infix, backend]) => {
      const name = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}${infix}`
      return [
        [name, { family, kind: 'command', backend }],
        [`${name}-save`, { family, kind: 'save', backend }],
        [`${name}-restore`, { family, kind: 'restore', backend }],
      ]
    }),
  ),
)

/** Applets that turn what is for iptables into what is for nft, and ask no kernel. */
const TRANSLATORS: Readonly<Record<string, readonly [FamilyName, 'runTranslate' | 'runRestoreTranslate']>> = {
  'iptables-translate': ['ipv4', 'runTranslate'],
  'ip6tables-translate': ['ipv6', 'runTranslate'],
  'iptables-restore-translate': ['ipv4', 'runRestoreTranslate'],
  'ip6tables-restore-translate': ['ipv6', 'runRestoreTranslate'],
}

/** The applet of both families, as it knows none, and of no kernel. */
const XML = 'iptables-xml'

/** The applet of sets, which are of no table. */
const IPSET = 'ipset'

/** Modules are loaded when they are needed: most of the time that a command takes is the loading. */
const load = {
  files: () => require('./read-files') as typeof import('./read-files'),
  kernel: () => require('./open-kernel') as typeof import('./open-kernel'),
  iptables: () => require('./iptables') as typeof import('./iptables'),
  save: () => require('./save') as typeof import('./save'),
  restore: () => require('./restore') as typeof import('./restore'),
  xml: () => require('./xml') as typeof import('./xml'),
  translate: () => require('./translate') as typeof import('./translate'),
  ipset: () => require('./ipset') as typeof import('./ipset'),
  own: () => require('./own') as typeof import('./own'),
  migrate: () => require('./migrate') as typeof import('./migrate'),
  reconcile: () => require('./reconcile') as typeof import('./reconcile'),
  lint: () => require('./lint') as typeof import('./lint'),
  trace: () => require('./trace') as typeof import('./trace'),
  confirm: () => require('./confirm') as typeof import('./confirm'),
  monitor: () => require('./monitor') as typeof import('./monitor'),
  list: () => require('./list') as typeof import('./list'),
  top: () => require('./top') as typeof import('./top'),
  metrics: () => require('./metrics') as typeof import('./metrics'),
  graph: () => require('./graph') as typeof import('./graph'),
  ui: () => require('./ui') as typeof import('./ui'),
  colours: () => require('./colours') as typeof import('./colours'),
  batch: () => require('./batch') as typeof import('./batch'),
  shellWords: () => require('./shell-words') as typeof import('./shell-words'),
  warmUp: () => require('./warm-up') as typeof import('./warm-up'),
  usage: () => require('./usage') as typeof import('./usage'),
  version: () => require('../version') as typeof import('../version'),
}

/**
 * Runs what the words say.
 * @param name the name that the command was called by
 * @returns the exit status
 */
export function main(name: string, words: readonly string[], streams: Streams): number {
  return reporting(streams, () => {
    if (name === XML) return load.xml().runXml(words, streams)
    if (name === IPSET) return runSets(words, {}, streams)
    if (Object.hasOwn(TRANSLATORS, name)) return runTranslator(name, words, streams)
    return Object.hasOwn(APPLETS, name) ? runApplet(name, words, {}, streams) : runOwn(words, {}, streams)
  })
}

/** Says what is wrong, where something is. @returns the exit status */
function reporting<Status>(streams: Streams, body: () => Status): Status | number {
  try {
    return body()
  } catch (error) {
    const isUsage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ?? false
    if (!(error instanceof IptcError) && !isUsage) throw error
    streams.stderr(`xtables: ${(error as Error).message}\n`)
    return isUsage ? 2 : 1
  }
}

/** Runs what most commands need, to no effect. */
export function warmUp(): void {
  const { WARM_UP, WARM_UP_TEXTS } = load.warmUp()
  for (const line of WARM_UP) {
    const nowhere = { stdout: () => {}, stderr: () => {}, stdin: () => WARM_UP_TEXTS[line] ?? '', lines: () => [] }
    main('xtables', ['--kernel', 'memory', ...line.split(' ')], nowhere)
  }
}

function runApplet(name: string, words: readonly string[], outer: Place, streams: Streams): number {
  const { backendOf, openKernel, splitPlace, tablesIn } = load.kernel()
  const { family, kind, backend } = APPLETS[name] as Applet
  const { place, rest } = splitPlace(words)
  using open = openKernel({ ...outer, ...place })
  const said = place.backend ?? outer.backend
  if (backend !== undefined && said !== undefined && said !== backend)
    throw new IptcError('XT_COMMAND', `${name} is for the backend ${backend}, and --backend says ${said}`)
  const writing = { ...open.writing, backend: backend ?? backendOf(open, family) }
  const io = { ...streams, ...tablesIn({ ...open, writing }, family) }
  const status = runKind(kind, rest, family, io)
  open.save()
  return status
}

function runTranslator(name: string, words: readonly string[], streams: Streams): number {
  const [family, run] = TRANSLATORS[name] as (typeof TRANSLATORS)[string]
  return load.translate()[run](words, family, streams)
}

function runSets(words: readonly string[], outer: Place, streams: Streams): number {
  const { openKernel, splitPlace } = load.kernel()
  const { place, rest } = splitPlace(words)
  using open = openKernel({ ...outer, ...place })
  const status = load.ipset().runIpset(rest, { kernel: open.kernel as NetlinkPort }, streams)
  open.save()
  return status
}

function runKind(kind: Applet['kind'], words: readonly string[], family: FamilyName, io: Io): number {
  if (kind === 'command') return load.iptables().runIptables(words, family, io)
  return kind === 'save' ? load.save().runSave(words, family, io) : load.restore().runRestore(words, family, io)
}

function runOwn(words: readonly string[], outer: Place, streams: Streams): number {
  const split = load.kernel().splitPlace(words)
  const place = { ...outer, ...split.place }
  const [name = 'help', ...args] = split.rest
  if (Object.hasOwn(APPLETS, name)) return runApplet(name, args, place, streams)
  if (name === XML) return load.xml().runXml(args, streams)
  if (name === IPSET) return runSets(args, place, streams)
  if (Object.hasOwn(TRANSLATORS, name)) return runTranslator(name, args, streams)
  if (name === 'batch') return runLines(args, place, streams)
  if (['help', '--help', '-h'].includes(name)) return runHelp(args, streams)
  if (name === 'monitor' || name === 'top' || name === 'ui') return runGoingOn(name, args, place, streams)
  if (name === 'metrics' && load.metrics().isServed(args)) return runGoingOn(name, args, place, streams)
  if (['confirm', 'rollback', 'hold-change'].includes(name)) return runPending(name, args, place, streams)
  if (name === 'migrate') return runMigrate(args, place, streams)
  if (name === '--version' || name === '-V') streams.stdout(`xtables ${load.version().version()}\n`)
  else if (name === 'show') load.own().show(args, streams)
  else if (Object.hasOwn(ON_KERNEL, name)) return runOnKernel(name, args, place, streams)
  else throw new IptcError('XT_COMMAND', `there is no ${JSON.stringify(name)}; xtables help says what there is`)
  return 0
}

/** Each line is what could stand behind `xtables`. */
function runLines([superfluous]: readonly string[], place: Place, streams: Streams): number {
  if (superfluous !== undefined)
    throw new IptcError('XT_COMMAND', `batch takes no word, and was given ${superfluous}: it reads standard input`)
  const { runBatch } = load.batch()
  const { shellWords } = load.shellWords()
  return runBatch(streams.lines(), { ...streams, goOn: undefined }, (line, shared) =>
    reporting(shared, () => {
      const words = shellWords(line)
      return words.length === 0 ? undefined : runOwn(words, place, shared)
    }),
  )
}

type OnKernel = (words: string[], open: OpenKernel, streams: Streams, place: Place) => unknown

/** Subcommands that look at tables, or write them, and are done: with the status that they return, or 0. */
const ON_KERNEL: Readonly<Record<string, () => OnKernel>> = {
  capture: () => load.own().capture,
  dump: () => load.own().dump,
  apply:
    () =>
    (words, open, streams, place): void =>
      words.includes('--json')
        ? load.own().apply(words, open, streams)
        : load.reconcile().runApply(words, place, open, streams),
  plan: () => load.reconcile().runPlan,
  list: () => load.list().runList,
  graph: () => load.graph().runGraph,
  metrics: () => load.metrics().runMetrics,
  trace: () => load.trace().runTrace,
  lint: () => load.lint().runLint,
}

function runOnKernel(name: string, args: string[], outer: Place, streams: Streams): number {
  const { openKernel, splitPlace } = load.kernel()
  const { place, rest } = splitPlace(args)
  using open = openKernel({ ...outer, ...place })
  const status = (ON_KERNEL[name] as () => OnKernel)()(rest, open, streams, { ...outer, ...place })
  open.save()
  return typeof status === 'number' ? status : 0
}

type GoingOn = (words: string[], open: OpenKernel, streams: Streams, signal: AbortSignal) => Promise<void>

/** What goes on until it is ended. */
const GOING_ON: Readonly<Record<'monitor' | 'top' | 'metrics' | 'ui', GoingOn>> = {
  monitor: (...all) => load.monitor().monitor(...all),
  top: (...all) => load.top().runTop(...all),
  metrics: (...all) => load.metrics().serveMetrics(...all),
  ui: (...all) => load.ui().runUi(...all),
}

function runGoingOn(name: keyof typeof GOING_ON, args: string[], outer: Place, streams: Streams): number {
  return goingOn(name, streams, async (signal) => {
    const { openKernel, splitPlace } = load.kernel()
    const { place, rest } = splitPlace(args)
    if (name === 'monitor') checkNoBackend({ ...outer, ...place }, 'monitor looks at nf_tables')
    using open = openKernel({ ...outer, ...place })
    await GOING_ON[name](rest, open, streams, signal)
    return 0
  })
}

/** Starts what takes its time, and says what is wrong where something is. */
function goingOn(name: string, streams: Streams, work: (signal: AbortSignal) => Promise<number>): number {
  if (streams.goOn === undefined)
    throw new IptcError('XT_COMMAND', `${name} goes on until it is ended: it is no line of a batch`)
  streams.goOn(async (signal) => {
    try {
      return await work(signal)
    } catch (error) {
      return reporting(streams, (): number => {
        throw error
      })
    }
  })
  return 0
}

/** What becomes of a change that is not confirmed yet. Where its tables are is known. */
function runPending(name: string, args: readonly string[], place: Place, streams: Streams): number {
  const [said] = Object.keys(place)
  if (said !== undefined)
    throw new IptcError('XT_COMMAND', `${name} knows where the tables are: --${said} has no place here`)
  const { holdChange, runConfirm, runRollback } = load.confirm()
  if (name === 'rollback') return goingOn(name, streams, () => runRollback(args, streams))
  if (name === 'hold-change') return goingOn(name, streams, (signal) => holdChange(args, streams, signal))
  runConfirm(args)
  return 0
}

/** @throws IptcError for what would mean nothing */
function checkNoBackend({ backend }: Place, why: string): void {
  if (backend !== undefined) throw new IptcError('XT_COMMAND', `${why}: --backend ${backend} has no place here`)
}

function runMigrate(args: string[], outer: Place, streams: Streams): number {
  const { openKernel, splitPlace } = load.kernel()
  const { place, rest } = splitPlace(args)
  checkNoBackend({ ...outer, ...place }, 'migrate is told both sides by its words')
  using open = openKernel({ ...outer, ...place })
  return load.migrate().runMigrate(rest, open, streams)
}

function runHelp([name]: readonly string[], streams: Streams): number {
  if (name === undefined) streams.stdout(load.usage().USAGE)
  else load.own().help(name, streams)
  return 0
}

/** Ends as programs end that write to a pipe which nobody reads. Node ignores the signal until it was listened for. */
function endByBrokenPipe(): void {
  process.once('SIGPIPE', () => {})
  process.removeAllListeners('SIGPIPE')
  process.kill(process.pid, 'SIGPIPE')
}

/** One of the two outputs. What cannot be written is no reason to leave the work half done. */
class Output {
  readonly #fd: number
  failure: NodeJS.ErrnoException | undefined
  onFailure: () => void = () => {}

  constructor(fd: number) {
    this.#fd = fd
  }

  write(text: string): void {
    if (this.failure !== undefined) return
    try {
      load.files().writeAll(this.#fd, encodeText(text))
    } catch (error) {
      this.failure = error as NodeJS.ErrnoException
      this.onFailure()
    }
  }
}

/** Whoever reads our output may stop before its end, as `head` does. @returns the exit status */
function statusAfter(failure: NodeJS.ErrnoException, status: number, stderr: Output): number {
  if (failure.code === 'EPIPE') endByBrokenPipe()
  stderr.write(`xtables: cannot write standard output: ${load.files().fileReason(failure)}\n`)
  return status || 1
}

const COMMAND_LINE = '/proc/self/cmdline'

/** The words as they were given. Node puts U+FFFD for bytes that are no UTF-8, and a rule would be another. */
function givenWords(): string[] {
  const words = process.argv.slice(2)
  if (!words.some((word) => word.includes('\ufffd')) || !existsSync(COMMAND_LINE)) return words
  return decodeText(readFileSync(COMMAND_LINE))
    .split('\0')
    .slice(-1 - words.length, -1)
}

/** Until it ends, or somebody ends it who has seen enough: by SIGINT or SIGTERM, or by closing what it writes to. */
async function goOn(work: (signal: AbortSignal) => Promise<number>, stdout: Output): Promise<number> {
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort())
  stdout.onFailure = () => end.abort()
  return work(end.signal)
}

/** A line of the terminal, as its own editing has it; '' where it ends, or nobody waits any more. */
function ask(question: string, signal: AbortSignal, stdout: Output): Promise<string> {
  const { createInterface } = require('node:readline') as typeof import('node:readline')
  stdout.write(question)
  const lines = createInterface({ input: process.stdin, terminal: false })
  return new Promise((resolve) => {
    lines.once('line', resolve)
    lines.once('close', () => resolve(''))
    signal.addEventListener('abort', () => lines.close(), { once: true })
  }).finally(() => {
    lines.close()
    process.stdin.destroy()
  }) as Promise<string>
}

const ended = (): Promise<void> =>
  new Promise((resolve) => {
    for (const event of ['end', 'close', 'error'] as const) process.stdin.once(event, () => resolve())
    process.stdin.resume()
  })

if (require.main === module) {
  const [stdout, stderr] = [new Output(1), new Output(2)]
  const end = (status: number): void => {
    process.exitCode = stdout.failure === undefined ? status : statusAfter(stdout.failure, status, stderr)
  }
  const status = main(basename(process.argv[1] ?? ''), givenWords(), {
    stdout: (text) => stdout.write(text),
    stderr: (text) => stderr.write(text),
    stdin: () => decodeText(load.files().readAll(0)),
    *lines() {
      for (const line of load.files().readLines(0)) yield decodeText(line)
    },
    terminal: () => (process.stdout.isTTY ? process : undefined),
    colours: () => load.colours().hasColours(() => process.stdout),
    goOn: (work) => void goOn(work, stdout).then(end),
    ask: isatty(0) && isatty(1) ? (question, signal) => ask(question, signal, stdout) : undefined,
    ended,
    self: [process.execPath, ...process.execArgv, process.argv[1] as string],
  })
  end(status)
}
