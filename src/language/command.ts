/** Commands of iptables(8): what is to be done with which chain, and how to go about it. */
import type { Family } from '../abi/family'
import type { Counters } from '../ruleset/entry'
import type { RuleSpec } from '../ruleset/rule'

/** Options that stand beside any command. */
export interface Modifiers {
  /** `-t`; undefined where it was not given. */
  readonly table: string | undefined
  /** `-w`: how many seconds to wait for the xtables lock, `true` for ever; undefined where it was not given. */
  readonly wait: number | true | undefined
  readonly numeric: boolean
  /** How often `-v` was given. */
  readonly verbose: number
  readonly exact: boolean
  readonly lineNumbers: boolean
  /** `-4` or `-6`: the family for which the line is meant. */
  readonly family: 'ipv4' | 'ipv6' | undefined
  readonly modprobe: string | undefined
}

/** What a command does. Numbers of rules count from 1, as on the command line. */
export type Action =
  /** `rules` are several where addresses are lists, or names of several hosts. Their counters are those of `-c`. */
  | { readonly kind: 'append' | 'check' | 'delete'; readonly chain: string; readonly rules: readonly RuleSpec[] }
  | { readonly kind: 'delete-number'; readonly chain: string; readonly number: number }
  | {
      readonly kind: 'insert' | 'replace'
      readonly chain: string
      readonly number: number
      readonly rules: readonly RuleSpec[]
    }
  /** `-L` and `-S`; with `zero`, the counters are set to zero afterwards. */
  | {
      readonly kind: 'list' | 'list-rules'
      readonly chain: string | undefined
      readonly number: number | undefined
      readonly zero: boolean
    }
  | { readonly kind: 'flush' | 'delete-chain'; readonly chain: string | undefined }
  | { readonly kind: 'zero'; readonly chain: string | undefined; readonly number: number | undefined }
  | { readonly kind: 'new-chain'; readonly chain: string }
  | { readonly kind: 'rename-chain'; readonly chain: string; readonly newName: string }
  | {
      readonly kind: 'policy'
      readonly chain: string
      readonly policy: string
      readonly counters: Counters | undefined
    }
  /** `extensions` are the matches and the target that stood before `-h`. */
  | { readonly kind: 'help'; readonly extensions: readonly { kind: 'match' | 'target'; name: string }[] }
  | { readonly kind: 'version' }

export type Command = Modifiers & Action

/**
 * A command from its words, without the name of the program: `['-A', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT']`.
 * @throws UsageError, whose message iptables would print
 */
export function parseCommand(_words: readonly string[], _family: Family): Command {
  throw new Error('not yet')
}
