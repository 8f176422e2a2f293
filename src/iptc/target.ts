/** What a rule does with the packets that it matches. */
import { isVerdict } from '../abi/netfilter'
import { check, flag, text } from '../check-input'
import { checkOptions } from '../check-options'
import { findExtension } from '../extensions/registry'
import { checkChainName, type TargetSpec } from '../ruleset/rule'
import {
  ExtensionObject,
  newContent,
  Stored,
  storedClass,
  type TargetName,
  type TargetParameters,
} from './extension-object'
import { A_RULE, type RuleBase } from './rule-base'

export interface TargetOptions {
  /** Go on in the chain without coming back to this one, as `-g` does. */
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

/** A target that is a verdict or a chain. */
class Going extends Stored {
  readonly destination: Destination

  constructor(destination: Destination) {
    super(destination.kind === 'verdict' ? destination.verdict : destination.chain, undefined)
    this.destination = destination
  }
}

function newTarget(rule: RuleBase, name: string, goto: boolean): Stored {
  check('the name of a target', name, text)
  const destination = destinationOf(name, goto)
  return destination === undefined ? newContent('target', name, rule) : new Going(destination)
}

const OPTIONS = { goto: flag }

const ELSEWHERE = 'createTarget(chain, { goto }) of the rule'

class TargetObject extends ExtensionObject {
  /** @internal */
  static override readonly instead = { ...ExtensionObject.instead, goto: ELSEWHERE, chain: ELSEWHERE }
  readonly #destination: Destination | undefined

  /** @internal */
  constructor(rule: RuleBase, source: string | Stored, options: TargetOptions = {}) {
    check('the rule of a target', rule, A_RULE)
    checkOptions(options, OPTIONS)
    const stored = source instanceof Stored ? source : newTarget(rule, source, options.goto ?? false)
    super(rule, stored)
    this.#destination = stored instanceof Going ? stored.destination : undefined
  }

  get kind(): 'target' {
    return 'target'
  }

  /** @internal */
  get destination(): Destination | undefined {
    return this.#destination
  }

  /** Whether the rule goes to a chain for good. */
  get goto(): boolean {
    return this.#destination?.kind === 'chain' && this.#destination.goto
  }

  /** Chain that the rule goes to, by `-j` or `-g`. */
  get chain(): string | undefined {
    return this.#destination?.kind === 'chain' ? this.#destination.chain : undefined
  }

  override equals(other: ExtensionObject): boolean {
    return (
      super.equals(other) && other instanceof TargetObject && this.goto === other.goto && this.chain === other.chain
    )
  }
}

/** @typeParam N the extension, whose parameters are properties: `target.toPorts = '1024'` on a target `MASQUERADE`. */
export type Target<N extends string = string> = TargetObject & (N extends TargetName ? TargetParameters[N] : unknown)

interface TargetConstructor {
  /**
   * A target for `rule`, which `rule.target = target` puts there: an extension, a verdict, or else the name of a chain.
   * @throws XtablesError for a name that can be none of them
   */
  new <N extends TargetName>(rule: RuleBase, name: N, options?: TargetOptions): Target<N>
  new (rule: RuleBase, name: string, options?: TargetOptions): Target
  readonly prototype: Target
}

export const Target = TargetObject as unknown as TargetConstructor

/** @internal */
export const storedTarget = (rule: RuleBase, source: Destination | Stored): Target => {
  const stored = source instanceof Stored ? source : new Going(source)
  return new (storedClass(TargetObject, stored))(rule, stored)
}
