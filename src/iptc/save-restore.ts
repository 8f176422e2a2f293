/** Tables as text: save and restore, the equivalents of iptables-save(8) and iptables-restore(8). */
import { FAMILIES, type FamilyName } from '../abi/family'
import { backendOfEnvironment, tableNames } from '../backend/open'
import { text as aText, check, flag, names } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError } from '../errors'
import type { Kernel } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { programOf } from '../language/help'
import { RestoreText, type RestoreTextOptions } from '../language/restore'
import { foreignText, savedText, tableText } from '../language/save'
import type { Draft } from '../ruleset/ruleset'
import { version } from '../version'
import { type AnyTable, Table, Table6 } from './table'
import { PLACE_OPTIONS, type TableOptions } from './table-handle'

/**
 * Which tables to save or restore, and where they are.
 * @since 0.1.0
 */
export interface TextOptions extends Omit<TableOptions, 'autocommit'> {
  /** Use the IPv6 tables; the default is IPv4. */
  readonly ipv6?: boolean | undefined
  /** Only these tables. */
  readonly tables?: readonly string[] | undefined
  /** Whether to save the counters of rules, or to restore them from the text; false by default. */
  readonly counters?: boolean | undefined
}

/**
 * The options of {@link save}.
 * @since 0.1.0
 */
export interface SaveOptions extends TextOptions {}

/**
 * The options of {@link restore}.
 * @since 0.1.0
 */
export interface RestoreOptions extends TextOptions {
  /** Keep the rules and chains of the tables and add to them. Without it, they are deleted first. */
  readonly noflush?: boolean | undefined
  /** Check whether the text could be restored, without writing anything. */
  readonly test?: boolean | undefined
}

const SAVE_OPTIONS = { ipv6: flag, ...PLACE_OPTIONS, tables: names, counters: flag }
const RESTORE_OPTIONS = { ...SAVE_OPTIONS, noflush: flag, test: flag }

/** Access to the tables of one family. */
interface Tables {
  readonly family: FamilyName
  readonly open: (name: string) => AnyTable
  /** Names of the existing tables, newest first. */
  readonly names: () => string[]
}

function tablesOf({ ipv6 = false, kernel, namespace, ...writing }: TextOptions): Tables {
  if (kernel !== undefined && namespace !== undefined)
    throw new IptcError(
      'XT_BAD_OPTION',
      'the options kernel and namespace exclude each other: a kernel has its own namespace; give one of them',
    )
  const family = ipv6 ? 'ipv6' : 'ipv4'
  const place: Kernel = kernel ?? new LinuxKernel({ namespace })
  const { lockTimeoutMs, rewrite, findRefused, backend = backendOfEnvironment() } = writing
  const options = { kernel: place, lockTimeoutMs, rewrite, findRefused, backend }
  return {
    family,
    open: (name) => (ipv6 ? new Table6(name, options) : new Table(name, options)),
    names: () => tableNames(backend, place, family),
  }
}

/** `iptables-save` or `ip6tables-save` with the version, for the comments in the text. */
const writer = (program: string): string => `${program} v${version()} (xtables)`

/** @internal Prints tables, each as of when it was read. @param program the name for the comments */
export function saveTables(
  open: Tables['open'],
  names: readonly string[],
  { program, counters }: { program: string; counters: boolean },
): string {
  return names.map((name) => saveTable(open(name), program, counters)).join('')
}

function saveTable(opened: AnyTable, program: string, counters: boolean): string {
  using table = opened
  const { ruleset, context } = table
  return foreignText(ruleset) + savedText(tableText(ruleset, context, { counters }), writer(program), new Date())
}

/**
 * Prints tables as iptables-save does; {@link restore} and iptables-restore read the text. Without the option `tables`,
 * it prints all existing tables. It takes no lock: each table is a consistent snapshot.
 * @returns the text; `''` if no table exists
 * @throws {@link NotFoundError} for a table that no kernel has
 * @throws {@link PermissionError}, {@link UnsupportedError}; {@link IptcError} for an unknown option
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, restore, save } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n', { kernel })
 * const text = save({ kernel, tables: ['filter'] })
 * console.log(text.includes('-A INPUT -i lo -j ACCEPT')) // true
 * ```
 */
export function save(options: SaveOptions = {}): string {
  checkOptions(options, SAVE_OPTIONS)
  const { family, open, names } = tablesOf(options)
  const program = `${programOf(FAMILIES[family])}-save`
  return saveTables(open, options.tables ?? names(), { program, counters: options.counters ?? false })
}

/** @internal The options of {@link restoreTables}. */
export interface RestoreRequest extends RestoreTextOptions {
  readonly test: boolean
  readonly print: (text: string) => void
}

/**
 * @internal Restores the tables of a text one after the other, or with `test` only checks them. @throws RestoreError,
 *   IptcError
 */
export function restoreTables(open: Tables['open'], text: string, { test, print, ...options }: RestoreRequest): void {
  const source = new RestoreText(text, options)
  try {
    for (let name = source.nextTable(); name !== undefined; name = source.nextTable()) {
      using table = open(name)
      restoreTable(table, source, test)
      print(source.takeOutput())
    }
  } finally {
    print(source.takeOutput())
  }
}

function restoreTable(table: AnyTable, source: RestoreText, test: boolean): void {
  let last: Draft | undefined
  const edit = (draft: Draft): boolean => {
    last = draft
    return source.apply(draft, table.context)
  }
  try {
    if (test) table.rehearse(edit)
    else table.edit(edit)
  } catch (error) {
    throw source.explain(error, last)
  }
}

/**
 * Restores tables from a text in the format of iptables-save. Each table is replaced atomically: either all lines from
 * `*TABLE` to `COMMIT` take effect, or none. If a table fails, those before it stay restored.
 * @param text - the output of iptables-save, or of {@link save}
 * @throws {@link RestoreError} for a line that cannot be carried out, with its number
 * @throws {@link LockTimeoutError}, {@link ConflictError}, {@link PermissionError}, {@link UnsupportedError};
 *   {@link IptcError} for an unknown option
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, RestoreError, restore } from 'xtables'
 *
 * try {
 *   restore('*filter\n-A INPUT -j NOWHERE\nCOMMIT\n', { kernel: new MemoryKernel() })
 * } catch (error) {
 *   if (error instanceof RestoreError) console.log(error.line) // 2
 * }
 * ```
 */
export function restore(text: string, options: RestoreOptions = {}): void {
  checkOptions(options, RESTORE_OPTIONS)
  check('what is restored', text, aText)
  const { counters = false, noflush = false, test = false, tables } = options
  const quiet = { verbose: false, print: () => {}, describe: () => '' }
  restoreTables(tablesOf(options).open, text, { counters, noflush, tables, test, ...quiet })
}
