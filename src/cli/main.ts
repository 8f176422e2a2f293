#!/usr/bin/env node
/** The command `xtables`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { IptcError } from '../errors'
import { listTable } from './list'

const USAGE = `xtables - the Linux packet filter without iptables

  xtables list [-6] [-t TABLE] [--netns NAME|PATH|PID]   prints the rules of a table with their counters
  xtables --version
  xtables --help
`

const options = {
  ipv6: { type: 'boolean', short: '6' },
  table: { type: 'string', short: 't', default: 'filter' },
  netns: { type: 'string' },
  version: { type: 'boolean', short: 'V' },
  help: { type: 'boolean', short: 'h' },
} as const

const version = (): string => JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')).version

/** @returns what to print @throws for words that are not understood */
function answer(args: string[]): string {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  if (values.version) return `${version()}\n`
  if (values.help) return USAGE
  if (positionals.length !== 1 || positionals[0] !== 'list') throw new IptcError(`xtables: what to do?\n\n${USAGE}`)
  return listTable(values.table, { ipv6: values.ipv6 ?? false, netns: values.netns })
}

try {
  process.stdout.write(answer(process.argv.slice(2)))
} catch (error) {
  const expected = error instanceof IptcError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
  if (!expected) throw error
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = error instanceof IptcError ? 1 : 2
}
