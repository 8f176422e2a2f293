/** The command `xtables`: runs the applet that its first argument or the name of the executable selects. */
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { isatty } from 'node:tty'
import type { FamilyName } from '../abi/family'
import { decodeText, encodeText } from '../binary/text'
import { ConflictError, IptcError, LockTimeoutError } from '../errors'
import { similarNames } from '../extensions/similar-names'
import type { NetlinkPort } from '../kernel/kernel'
import type { ToolApplet, ToolAppletKind } from './applets/applet'
import { BATCH, HELP, OWN, type OwnName } from './applets/own-applets'
import { FAMILY_TOOLS, type FamilyTool, TOOLS } from './applets/tools'
import { asksForHelp, CommandLineError, readWords } from './command-line'
import type { Io, OpenKernel, Place } from './open-kernel'
import type { Streams } from './streams'

/** Modules are loaded on first use, because loading takes most of the run time of a command. */
const load = {
  files: () => require('./read-files') as typeof import('./read-files'),
  kernel: () => require('./open-kernel') as typeof import('./open-kernel'),
  iptables: () => require('./iptables') as typeof import('./iptables'),
  save: () => require('./save') as typeof import('./save'),
  restore: () => require('./restore') as typeof import('./restore'),
  xml: () => require('./xml') as typeof import('./xml'),
  translate: () => require('./translate') as typeof import('./translate'),
  ipset: () => require('./ipset') as typeof import('./ipset'),
  completion: () => require('./completion') as typeof import('./completion'),
  complete: () => require('./complete/complete') as typeof import('./complete/complete'),
  captures: () => require('./captures') as typeof import('./captures'),
  dumps: () => require('./dumps') as typeof import('./dumps'),
  extensionHelp: () => require('./extension-help') as typeof import('./extension-help'),
  described: () => require('./applets/described') as typeof import('./applets/described'),
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
 * Runs a command.
 * @param name the name of the executable: that of a tool, or any other for `xtables`
 * @returns the exit status
 */
export function main(name: string, words: readonly string[], streams: Streams): number {
  return reporting(streams, () => {
    const tool = TOOLS.get(name)
    return tool === undefined ? runOwn(words, {}, streams) : runTool(tool, words, {}, streams)
  })
}

/** Prints the message of an error of the library, and returns its exit status. Rethrows others. */
function reporting<Status>(streams: Streams, body: () => Status): Status | number {
  try {
    return body()
  } catch (error) {
    const isUsage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ?? false
    if (!(error instanceof IptcError) && !isUsage) throw error
    streams.stderr(`xtables: ${(error as Error).message}\n`)
    return isUsage ? 2 : statusOf(error as IptcError)
  }
}

/** See {@link STATUSES}. */
function statusOf(error: IptcError): number {
  if (error instanceof CommandLineError) return 2
  return error instanceof LockTimeoutError || error instanceof ConflictError ? 4 : 1
}

/** Runs the code that most commands need, without any effect, so that it gets into the code cache. */
export function warmUp(): void {
  const { WARM_UP, WARM_UP_TEXTS } = load.warmUp()
  for (const line of WARM_UP) {
    const nowhere = { stdout: () => {}, stderr: () => {}, stdin: () => WARM_UP_TEXTS[line] ?? '', lines: () => [] }
    main('xtables', ['--kernel', 'memory', ...line.split(' ')], nowhere)
  }
}

function runTool(tool: ToolApplet, words: readonly string[], outer: Place, streams: Streams): number {
  if (isFamilyTool(tool)) return runFamilyTool(tool, words, outer, streams)
  if (tool.kind === 'ipset') return runSets(words, outer, streams)
  checkNoPlace(tool.name, outer)
  return load.xml().runXml(words, streams)
}

const isFamilyTool = (tool: ToolApplet): tool is FamilyTool => FAMILY_TOOLS.has(tool.name)

function runFamilyTool(tool: FamilyTool, words: readonly string[], outer: Place, streams: Streams): number {
  const { name, family, kind, backend } = tool
  if (kind === 'translate' || kind === 'restore-translate') {
    checkNoPlace(name, outer)
    const { runTranslate, runRestoreTranslate } = load.translate()
    return (kind === 'translate' ? runTranslate : runRestoreTranslate)(words, family, streams)
  }
  const { backendOf, openKernel, splitPlace, tablesIn } = load.kernel()
  const { place, rest } = splitPlace(words)
  using open = openKernel({ ...outer, ...place })
  const said = place.backend ?? outer.backend
  if (backend !== undefined && said !== undefined && said !== backend)
    throw new CommandLineError(`${name} is for the backend ${backend}, but --backend is ${said}`)
  const writing = { ...open.writing, backend: backend ?? backendOf(open, family) }
  const io = { ...streams, ...tablesIn({ ...open, writing }, family) }
  const status = runKind(kind, rest, family, io)
  open.save()
  return status
}

function runSets(words: readonly string[], outer: Place, streams: Streams): number {
  const { openKernel, splitPlace } = load.kernel()
  const { place, rest } = splitPlace(words)
  using open = openKernel({ ...outer, ...place })
  const status = load.ipset().runIpset(rest, { kernel: open.kernel as NetlinkPort }, streams)
  open.save()
  return status
}

function runKind(kind: ToolAppletKind, words: readonly string[], family: FamilyName, io: Io): number {
  if (kind === 'command') return load.iptables().runIptables(words, family, io)
  return kind === 'save' ? load.save().runSave(words, family, io) : load.restore().runRestore(words, family, io)
}

/** @throws CommandLineError if place options are given to an applet that does not use them */
function checkNoPlace(name: string, place: Place, why = 'it does not use the kernel'): void {
  const [said] = Object.keys(place)
  if (said !== undefined) throw new CommandLineError(`--${said} cannot be used with ${name}: ${why}`)
}

/** Tools that have no `--help`, print it to standard error, or exit with an error after it. */
const WITHOUT_HELP: readonly ToolAppletKind[] = ['save', 'restore', 'xml']

function runOwn(words: readonly string[], outer: Place, streams: Streams): number {
  const split = load.kernel().splitPlace(words)
  const place = { ...outer, ...split.place }
  const [name = 'help', ...args] = split.rest
  if (name === '--help' || name === '-h') return runHelp(args, streams)
  if (name === '--version' || name === '-V') return say(`xtables ${load.version().version()}\n`, streams)
  const tool = TOOLS.get(name)
  if (tool !== undefined) {
    const isOurs = args.length === 1 && args[0] === '--help' && WITHOUT_HELP.includes(tool.kind)
    return isOurs ? say(load.usage().appletHelp(tool), streams) : runTool(tool, args, place, streams)
  }
  const own = OWN.get(name)
  if (own === undefined) throw unknownApplet(name)
  if (asksForHelp(args)) return say(load.usage().appletHelp(own), streams)
  return runOwnApplet(name as OwnName, args, place, streams)
}

function runOwnApplet(name: OwnName, args: string[], place: Place, streams: Streams): number {
  switch (name) {
    case 'batch':
      return runLines(args, place, streams)
    case 'help':
      return runHelp(args, streams)
    case 'monitor':
    case 'top':
    case 'ui':
      return runGoingOn(name, args, place, streams)
    case 'metrics':
      return (load.metrics().isServed(args) ? runGoingOn : runOnKernel)(name, args, place, streams)
    case 'confirm':
    case 'rollback':
    case 'hold-change':
      return runPending(name, args, place, streams)
    case 'migrate':
      return runMigrate(args, place, streams)
    case 'show':
      checkNoPlace(name, place)
      load.captures().show(args, streams)
      return 0
    case 'completion':
      checkNoPlace(name, place)
      load.completion().runCompletion(args, streams)
      return 0
    case 'complete':
      load.complete().runComplete(args, streams)
      return 0
    default:
      return runOnKernel(name, args, place, streams)
  }
}

function unknownApplet(name: string): CommandLineError {
  const near = similarNames(name, load.described().appletNames())
  const what = name.startsWith('-') ? 'option' : 'applet'
  return new CommandLineError(
    `there is no ${what} ${JSON.stringify(name)}; ${near === undefined ? '' : `${near}; `}see xtables help`,
  )
}

function say(text: string, { stdout }: Streams): number {
  stdout(text)
  return 0
}

/** Runs each line as if it followed `xtables` on a command line. */
function runLines(args: readonly string[], place: Place, streams: Streams): number {
  readWords(BATCH, args)
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

/** Applets that read or write tables and then exit, with the status that they return, or 0. */
const ON_KERNEL = {
  capture: () => load.captures().capture,
  dump: () => load.dumps().dump,
  apply:
    () =>
    (words, open, streams, place): void =>
      words.includes('--json')
        ? load.dumps().apply(words, open, streams)
        : load.reconcile().runApply(words, place, open, streams),
  plan: () => load.reconcile().runPlan,
  list: () => load.list().runList,
  graph: () => load.graph().runGraph,
  metrics: () => load.metrics().runMetrics,
  trace: () => load.trace().runTrace,
  lint: () => load.lint().runLint,
} satisfies Readonly<Record<string, () => OnKernel>>

function runOnKernel(name: keyof typeof ON_KERNEL, args: string[], outer: Place, streams: Streams): number {
  const { openKernel, splitPlace } = load.kernel()
  const { place, rest } = splitPlace(args)
  using open = openKernel({ ...outer, ...place })
  const status = (ON_KERNEL[name]() as OnKernel)(rest, open, streams, { ...outer, ...place })
  open.save()
  return typeof status === 'number' ? status : 0
}

type GoingOn = (words: string[], open: OpenKernel, streams: Streams, signal: AbortSignal) => Promise<void>

/** Applets that run until they are stopped. */
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
    if (name === 'monitor') checkNoBackend({ ...outer, ...place }, 'monitor always uses nf_tables')
    using open = openKernel({ ...outer, ...place })
    await GOING_ON[name](rest, open, streams, signal)
    return 0
  })
}

/** Starts asynchronous work, and reports its errors. */
function goingOn(name: string, streams: Streams, work: (signal: AbortSignal) => Promise<number>): number {
  if (streams.goOn === undefined)
    throw new CommandLineError(`${name} runs until it is stopped: it cannot be a line of a batch`)
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

/** Runs `confirm`, `rollback` and `hold-change`. They take no place options: the pending change stores them. */
function runPending(name: string, args: readonly string[], place: Place, streams: Streams): number {
  checkNoPlace(name, place, 'it knows where the tables are')
  const { holdChange, runConfirm, runRollback } = load.confirm()
  if (name === 'rollback') return goingOn(name, streams, () => runRollback(args, streams))
  if (name === 'hold-change') return goingOn(name, streams, (signal) => holdChange(args, streams, signal))
  runConfirm(args)
  return 0
}

/** @throws CommandLineError if --backend is given where it has no meaning */
function checkNoBackend({ backend }: Place, why: string): void {
  if (backend !== undefined) throw new CommandLineError(`${why}: --backend ${backend} cannot be used here`)
}

function runMigrate(args: string[], outer: Place, streams: Streams): number {
  const { openKernel, splitPlace } = load.kernel()
  const { place, rest } = splitPlace(args)
  checkNoBackend({ ...outer, ...place }, 'migrate is told both sides by its words')
  using open = openKernel({ ...outer, ...place })
  return load.migrate().runMigrate(rest, open, streams)
}

function runHelp(args: readonly string[], streams: Streams): number {
  const [name] = readWords(HELP, args).positionals
  const applet = name === undefined ? undefined : (OWN.get(name) ?? TOOLS.get(name))
  if (name === undefined) return say(load.usage().overview(), streams)
  if (applet !== undefined) return say(load.usage().appletHelp(applet), streams)
  load.extensionHelp().help(name, streams)
  return 0
}

/**
 * Ends the process by SIGPIPE, like other programs whose output is no longer read. Node ignores this signal; adding and
 * removing a listener restores its default action.
 */
function endByBrokenPipe(): void {
  process.once('SIGPIPE', () => {})
  process.removeAllListeners('SIGPIPE')
  process.kill(process.pid, 'SIGPIPE')
}

/** Standard output or standard error. A write error does not throw, so that it cannot interrupt the work. */
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

/** The exit status after a write error of standard output. If the reader has closed the pipe, as `head` does, this ends the process. */
function statusAfter(failure: NodeJS.ErrnoException, status: number, stderr: Output): number {
  if (failure.code === 'EPIPE') endByBrokenPipe()
  stderr.write(`xtables: cannot write standard output: ${load.files().fileReason(failure)}\n`)
  return status || 1
}

const COMMAND_LINE = '/proc/self/cmdline'

/** The arguments, unchanged. Node replaces bytes that are not valid UTF-8 by U+FFFD, which would change a rule. */
function givenWords(): string[] {
  const words = process.argv.slice(2)
  if (!words.some((word) => word.includes('\ufffd')) || !existsSync(COMMAND_LINE)) return words
  return decodeText(readFileSync(COMMAND_LINE))
    .split('\0')
    .slice(-1 - words.length, -1)
}

/** Runs work until it ends. SIGINT, SIGTERM and a closed standard output abort it. */
async function goOn(work: (signal: AbortSignal) => Promise<number>, stdout: Output): Promise<number> {
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort())
  stdout.onFailure = () => end.abort()
  return work(end.signal)
}

/** Reads a line from the terminal; '' at the end of input, or if the signal aborts it. */
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

/** Resolves at the end of standard input. */
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
