/** Hooks, verdicts and protocol families. linux/netfilter.h, linux/netfilter/x_tables.h */

/** The chains that the kernel itself calls, in the order of their hook numbers (enum nf_inet_hooks). */
export const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const
/**
 * A built-in chain, which the kernel itself calls.
 * @since 0.1.0
 */
export type Hook = (typeof HOOKS)[number]

/** Hooks at which packets have no input interface, and hooks at which they have no output interface yet. */
export const NO_IN: readonly (Hook | undefined)[] = ['OUTPUT', 'POSTROUTING']
export const NO_OUT: readonly (Hook | undefined)[] = ['PREROUTING', 'INPUT']

/** The bit of a hook in `valid_hooks` and in every mask of hooks. */
export const hookBit = (hook: Hook): number => 1 << HOOKS.indexOf(hook)

/** The verdicts as a standard target stores them: `-NF_X - 1`, and for RETURN XT_RETURN = -NF_REPEAT - 1. */
export const VERDICTS = { DROP: -1, ACCEPT: -2, QUEUE: -4, RETURN: -5 } as const
export type Verdict = keyof typeof VERDICTS

export const isVerdict = (name: string): name is Verdict => Object.hasOwn(VERDICTS, name)

export const verdictName = (verdict: number): Verdict | undefined =>
  (Object.keys(VERDICTS) as Verdict[]).find((name) => VERDICTS[name] === verdict)

/** Tables and the hooks that each has (`valid_hooks`), the same for both families. */
export const TABLES = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
} as const satisfies Record<string, readonly Hook[]>
/**
 * The names of the tables of iptables: `'filter'`, `'nat'`, `'mangle'`, `'raw'`, `'security'`.
 * @since 0.1.0
 */
export type TableName = keyof typeof TABLES

export const isTableName = (name: string): name is TableName => Object.hasOwn(TABLES, name)

/** Size of the name of an interface in bytes, with its NUL. linux/if.h */
export const IFNAMSIZ = 16
