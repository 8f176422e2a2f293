/** Finds out whether the administrator's own connection would be cut off. */
import { FAMILIES } from '../abi/family'
import { check, text } from '../check-input'
import { IptcError } from '../errors'
import { parseAddress } from '../extensions/values/address'
import type { FamilyRuleset } from '../trace/family-ruleset'
import type { PacketDescription } from '../trace/packet'
import { type Trace, trace } from '../trace/trace'
import type { Finding } from './finding'
import { verdictsOf } from './verdicts'

/**
 * The two ends of a TCP connection to this host. The source is the remote end.
 * @since 0.1.0
 */
export interface Session {
  /** Address of the remote end. */
  readonly source: string
  /** Port of the remote end. */
  readonly sourcePort: number
  /** Address of this host. */
  readonly destination: string
  /** Port of this host, such as `22`. */
  readonly destinationPort: number
}

/**
 * The SSH connection of this login, for {@link lint}.
 * @param variable - the environment variable `SSH_CONNECTION`, which has address and port of both ends
 * @returns undefined if the variable is not set, or has another form
 * @since 0.1.0
 * @example
 * ```ts
 * import { sshSession } from 'xtables'
 *
 * console.log(sshSession('192.0.2.1 50000 192.0.2.9 22')?.destinationPort) // 22
 * ```
 */
export function sshSession(variable: string | undefined): Session | undefined {
  if (variable !== undefined) check('SSH_CONNECTION', variable, text)
  const [source, sourcePort, destination, destinationPort, ...more] = (variable ?? '').split(' ')
  if (source === undefined || destination === undefined || destinationPort === undefined || more.length > 0)
    return undefined
  return { source, sourcePort: Number(sourcePort), destination, destinationPort: Number(destinationPort) }
}

/** Returns a finding for each direction that is certainly cut off; none if the connection is of the other family. */
export function lockouts(ruleset: FamilyRuleset, session: Session): Finding[] {
  const context = { family: FAMILIES[ruleset.family], sets: ruleset.context.sets }
  const { source, sourcePort, destination, destinationPort } = session
  if (source.includes(':') !== (ruleset.family === 'ipv6')) return []
  for (const address of [source, destination])
    if (parseAddress(address, context) === undefined)
      throw new IptcError('XT_BAD_ARGUMENT', `${address} is no address of an end of a session`)
  const shared = { protocol: 'tcp', state: 'ESTABLISHED', tcpFlags: 'ACK' } as const
  const incoming = { ...shared, source, sourcePort, destination, destinationPort, way: 'input' } as const
  const outgoing = {
    ...shared,
    source: destination,
    sourcePort: destinationPort,
    destination: source,
    destinationPort: sourcePort,
    way: 'output',
  } as const
  return [
    ...cutOff(ruleset, incoming, `the connection from ${source} would be cut off: its packets do not come in any more`),
    ...cutOff(ruleset, outgoing, `the connection from ${source} would be cut off: its answers do not go out any more`),
  ]
}

function cutOff(ruleset: FamilyRuleset, packet: PacketDescription, message: string): Finding[] {
  const traced = trace(packet, ruleset)
  const verdicts = verdictsOf(traced)
  if ([...verdicts].some((one) => one !== 'DROP' && one !== 'REJECT')) return []
  const { table, chain, at } = endOf(traced)
  return [{ kind: 'lockout', family: ruleset.family, table, chain, ...(at && { at }), packet, message }]
}

/** The rule or policy at the end of the first path. */
function endOf({ steps, fork }: Trace): Pick<Finding, 'table' | 'chain' | 'at'> {
  if (fork !== undefined) return endOf(fork.yes)
  const last = steps.at(-1)
  if (last === undefined || last.kind === 'translated') return { table: 'filter', chain: 'INPUT' }
  const { table, chain } = last
  return last.kind === 'policy' ? { table, chain } : { table, chain, at: { position: last.position, rule: last.rule } }
}
