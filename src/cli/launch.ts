#!/usr/bin/env node
/**
 * Starts the command from V8's code cache, because compiling its functions takes most of the time between the start of
 * `node` and the first system call of a command. Like Python with `__pycache__`, the first run writes the cache next to
 * the code, if it has permission. Each version of Node and each build of the command has its own cache.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Module } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** A hash of the command's code, inserted by the bundler. V8 itself only compares the length of the code. */
declare const CODE_HASH: string

const COMMAND = join(__dirname, 'command.js')
const FOLDER = join(__dirname, 'cache')
/** Bun and Deno report the version of Node that they emulate as `process.version`, but cannot use its cache. */
const { bun, deno } = process.versions
const RUNTIME = bun ? `bun${bun}` : deno ? `deno${deno}` : process.version
const CACHE = join(FOLDER, `${CODE_HASH}-${RUNTIME}-${process.arch}`)

function readCache(): Buffer | undefined {
  try {
    return readFileSync(CACHE)
  } catch {
    return undefined
  }
}

/** Writes the cache atomically, even if the machine crashes: V8 does not verify what it reads. */
function writeCache(bytes: Uint8Array): void {
  const temporary = `${CACHE}.${process.pid}`
  // Not writable by others: they could run their code in this program.
  mkdirSync(FOLDER, { recursive: true, mode: 0o755 })
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644)
  writeFileSync(fd, bytes)
  fsyncSync(fd)
  closeSync(fd)
  renameSync(temporary, CACHE)
}

type Exports = Pick<typeof import('./main'), 'warmUp'>

/** The cache contains the functions that have run until now. */
function makeCache(script: Script, { warmUp }: Exports): void {
  try {
    warmUp()
    writeCache(script.createCachedData())
  } catch {
    // Without a cache, starting only takes longer.
  }
}

const cachedData = readCache()
// The bundle is ASCII. Reading it as latin1 is fastest.
const script = new Script(Module.wrap(readFileSync(COMMAND, 'latin1')), {
  filename: COMMAND,
  ...(cachedData && { cachedData }),
})
if (cachedData === undefined || script.cachedDataRejected)
  process.once('exit', () => makeCache(script, module.exports as Exports))
script.runInThisContext()(exports, require, module, COMMAND, __dirname)
