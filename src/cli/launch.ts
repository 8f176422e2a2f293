#!/usr/bin/env node
/**
 * Starts the command from V8's code cache: compiling its functions takes most of the time between `node` and
 * a command's first system call. As Python does with `__pycache__`, the first run writes the cache next to
 * the code if it may. A different Node, or a different build of the command, makes its own.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Module } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** Of the command's code; V8 compares no more than its length. Put in when it is bundled. */
declare const CODE_HASH: string

const COMMAND = join(__dirname, 'command.js')
const FOLDER = join(__dirname, 'cache')
/** Bun and Deno say the version of a Node that they stand in for; their code is their own. */
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

/** All or nothing, also where the machine stops: V8 trusts what it finds. */
function writeCache(bytes: Uint8Array): void {
  const temporary = `${CACHE}.${process.pid}`
  // Whoever could write there could have their code run.
  mkdirSync(FOLDER, { recursive: true, mode: 0o755 })
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644)
  writeFileSync(fd, bytes)
  fsyncSync(fd)
  closeSync(fd)
  renameSync(temporary, CACHE)
}

type Exports = Pick<typeof import('./main'), 'warmUp'>

/** What is to be in the cache is what has run. */
function makeCache(script: Script, { warmUp }: Exports): void {
  try {
    warmUp()
    writeCache(script.createCachedData())
  } catch {
    // Without it, a start takes longer.
  }
}

const cachedData = readCache()
// The bundle is ASCII, and read as such the fastest.
const script = new Script(Module.wrap(readFileSync(COMMAND, 'latin1')), {
  filename: COMMAND,
  ...(cachedData && { cachedData }),
})
if (cachedData === undefined || script.cachedDataRejected)
  process.once('exit', () => makeCache(script, module.exports as Exports))
script.runInThisContext()(exports, require, module, COMMAND, __dirname)
