/** The target of a rule as an object. */
import { isVerdict } from '../abi/netfilter'
import { check, flag, text } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError } from '../errors'
import { findExtension } from '../extensions/registry'
import { checkChainName, type TargetSpec } from '../ruleset/rule'
import { ChainHandle } from './chain-handle'
import {
  ExtensionObject,
  newContent,
  Stored,
  storedClass,
  type TargetName,
  type TargetParameters,
} from './extension-object'
import { A_RULE, type RuleBase } from './rule-base'

/**
 * How a rule jumps to a chain.
 * @since 0.1.0
 */
export interface TargetOptions {
  /** Use `-g` instead of `-j`: processing does not return to this chain. */
  readonly goto?: boolean
}

/** A verdict or a chain, which have no parameters. */
type Destination = Exclude<TargetSpec, { kind: 'none' | 'extension' }>

function destinationOf(name: string, goto: boolean): Destination | undefined {
  if (isVerdict(name) && !goto) return { kind: 'verdict', verdict: name }
  if (!goto && findExtension('target', name) !== undefined) return undefined
  checkChainName(name)
  return { kind: 'chain', chain: name, goto }
}

/** A target that is a verdict or a jump to a chain. */
class Going extends Stored {
  readonly destination: Destination

  constructor(destination: Destination) {
    super(destination.kind === 'verdict' ? destination.verdict : destination.chain, undefined)
    this.destination = destination
  }
}

function storedIn(rule: RuleBase, source: string | ChainHandle | Stored, goto: boolean): Stored {
  if (source instanceof Stored) return source
  return source instanceof ChainHandle ? jumpTo(rule, source, goto) : newTarget(rule, source, goto)
}

/** A chain whose handle is given may have the name of an extension. */
function jumpTo(rule: RuleBase, { name, table }: ChainHandle, goto: boolean): Going {
  const [its, ours] = [table.context.family, rule.context.family]
  if (its !== ours)
    throw new IptcError(
      'XT_WRONG_HANDLE',
      `${name} is a chain of ${its.name}, and the rule one of ${ours.name}; for the chain of that name in ${ours.name}, pass the name`,
    )
  checkChainName(name)
  return new Going({ kind: 'chain', chain: name, goto })
}

function newTarget(rule: RuleBase, name: string, goto: boolean): Stored {
  check('the name of a target', name, { ...text, expected: 'a string or a Chain' })
  const destination = destinationOf(name, goto)
  return destination === undefined ? newContent('target', name, rule) : new Going(destination)
}

const OPTIONS = { goto: flag }

const ELSEWHERE = 'createTarget(chain, { goto }) of the rule'

/**
 * The members of every {@link Target}, whatever its extension. Use `new Target` or {@link AnyRule.createTarget} to make
 * one.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule } from 'xtables'
 *
 * const { target } = Rule.parse('-j REJECT --reject-with icmp-port-unreachable')
 * console.log(target?.name, target?.parameters['rejectWith']) // REJECT icmp-port-unreachable
 * ```
 */
export class TargetObject extends ExtensionObject {
  /** @internal */
  static override readonly instead = { ...ExtensionObject.instead, goto: ELSEWHERE, chain: ELSEWHERE }
  readonly #destination: Destination | undefined

  /** @internal */
  constructor(rule: RuleBase, source: string | ChainHandle | Stored, options: TargetOptions = {}) {
    check('the rule of a target', rule, A_RULE)
    checkOptions(options, OPTIONS)
    const stored = storedIn(rule, source, options.goto ?? false)
    super(rule, stored)
    this.#destination = stored instanceof Going ? stored.destination : undefined
  }

  /** Distinguishes a target from a match. */
  get kind(): 'target' {
    return 'target'
  }

  /** @internal */
  get destination(): Destination | undefined {
    return this.#destination
  }

  /** Whether the rule uses `-g`, which does not return. */
  get goto(): boolean {
    return this.#destination?.kind === 'chain' && this.#destination.goto
  }

  /** The chain that the rule jumps to, by `-j` or `-g`. */
  get chain(): string | undefined {
    return this.#destination?.kind === 'chain' ? this.#destination.chain : undefined
  }

  override equals(other: ExtensionObject): boolean {
    return (
      super.equals(other) && other instanceof TargetObject && this.goto === other.goto && this.chain === other.chain
    )
  }
}

/**
 * The target of a rule. Its parameters are properties: `target.rejectWith = 'tcp-reset'` for a target `REJECT`.
 * @typeParam N - the extension; without it, use `getParameter` and `setParameter`
 * @since 0.1.0
 */
export type Target<N extends string = string> = TargetObject & (N extends TargetName ? TargetParameters[N] : unknown)

/**
 * The constructor of {@link Target}.
 * @since 0.1.0
 */
export interface TargetConstructor {
  /**
   * Makes a target for `rule`. Assign it with `rule.target = target`.
   * @throws {@link XtablesError} for a name that the family of the rule does not have
   */
  new <N extends TargetName>(rule: RuleBase, name: N, options?: TargetOptions): Target<N>
  /**
   * Makes a target whose name is known only at run time: an extension, a verdict, or else a chain. A {@link Chain} is always
   * a chain.
   * @throws {@link XtablesError} for a name that is none of these
   * @throws {@link IptcError} for a chain of the other family
   */
  new (rule: RuleBase, to: string | ChainHandle, options?: TargetOptions): Target
  /** The prototype of all targets, for `instanceof`. */
  readonly prototype: Target
}

/**
 * The target of a rule: an extension with its parameters, a verdict, or a chain to jump to.
 *
 * Parameters are properties in camel case, as those of a {@link Match} are.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule, Target } from 'xtables'
 *
 * const rule = new Rule()
 * rule.protocol = 'tcp'
 * const target = new Target(rule, 'REJECT')
 * target.rejectWith = 'tcp-reset'
 * rule.target = target
 * console.log(String(rule)) // -p tcp -j REJECT --reject-with tcp-reset
 * ```
 */
export const Target = TargetObject as unknown as TargetConstructor

/** @internal */
export const storedTarget = (rule: RuleBase, source: Destination | Stored): Target => {
  const stored = source instanceof Stored ? source : new Going(source)
  return new (storedClass(TargetObject, stored))(rule, stored)
}
