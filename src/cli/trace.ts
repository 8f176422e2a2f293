/** `xtables trace`: prints the path of a packet through the rules. */
import { parseHex } from '../binary/text'
import { FamilyRuleset } from '../trace/family-ruleset'
import { type PacketDescription, PROPERTIES } from '../trace/packet'
import type { PacketChange } from '../trace/packet-changes'
import { type RuleStep, type Trace, type TraceFork, type TraceStep, trace } from '../trace/trace'
import { TRACE } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { type Io, type OpenKernel, placeIn, readFrom, readText } from './open-kernel'

type Values = ReturnType<typeof parse>['values']
const parse = (args: string[]) => readWords(TRACE, args)

/** The tables are those of the kernel or of an iptables-save text. `--all` also prints rules that do not match, with the reason. */
export function runTrace(args: string[], open: OpenKernel, { stdout, stdin }: Pick<Io, 'stdout' | 'stdin'>): void {
  const { values, positionals } = parse(args)
  const [file] = positionals
  const ipv6 = values.ipv6 ?? false
  const saved = file === undefined ? undefined : file === '-' ? readFrom('standard input', stdin) : readText(file)
  const ruleset =
    saved === undefined
      ? FamilyRuleset.read(placeIn(open, ipv6 ? 'ipv6' : 'ipv4'))
      : FamilyRuleset.parse(saved, { ipv6 })
  const traced = trace(packetOf(values), ruleset)
  stdout(
    values.json
      ? `${JSON.stringify(shown(traced, values.all ?? false), undefined, 2)}\n`
      : printed(traced, values.all ?? false, ''),
  )
}

function packetOf(values: Values): PacketDescription {
  if (values.syn && values['tcp-flags'] !== undefined)
    throw new CommandLineError('--syn and --tcp-flags exclude each other')
  const number = (name: keyof Values, property: keyof PacketDescription): number | undefined => {
    const word = values[name] as string | undefined
    if (word === undefined) return undefined
    const { accepts, expected } = PROPERTIES[property]
    if (!/^(0x[\da-f]+|\d+)$/i.test(word) || !accepts(Number(word)))
      throw new CommandLineError(`--${name} takes ${expected}, not ${word}`)
    return Number(word)
  }
  return {
    ...{ protocol: values.protocol, source: values.source, destination: values.destination },
    ...{ sourcePort: number('sport', 'sourcePort'), destinationPort: number('dport', 'destinationPort') },
    ...{ tcpFlags: values.syn ? 'SYN' : values['tcp-flags'], icmpType: values['icmp-type'] },
    ...{ in: values['in-interface'], out: values['out-interface'], way: values.way as PacketDescription['way'] },
    ...{ state: values.state?.toUpperCase() as PacketDescription['state'], mark: number('mark', 'mark') },
    ...{
      connectionMark: number('connection-mark', 'connectionMark'),
      length: number('length', 'length'),
      ttl: number('ttl', 'ttl'),
      tos: number('tos', 'tos'),
    },
    ...{ fragment: values.fragment, uid: number('uid-owner', 'uid'), gid: number('gid-owner', 'gid') },
    ...{ packetType: values['pkt-type'] as PacketDescription['packetType'], sourceMac: values['mac-source'] },
    bytes: values.bytes === undefined ? undefined : bytesOf(values.bytes),
  }
}

function bytesOf(digits: string): Uint8Array {
  const bytes = parseHex(digits)
  if (bytes === undefined) throw new CommandLineError('--bytes takes the packet as hexadecimal digits, two per byte')
  return bytes
}

/** Without `--all`, rules that do not match are omitted. */
const isTold = (step: TraceStep): boolean => step.kind !== 'rule' || step.matches !== false

const told = ({ steps }: Trace, all: boolean): readonly TraceStep[] => (all ? steps : steps.filter(isTold))

/** The trace as JSON data. */
function shown(traced: Trace, all: boolean): object {
  const { verdict, fork } = traced
  return {
    steps: told(traced, all),
    ...(verdict !== undefined && { verdict }),
    ...(fork !== undefined && {
      fork: { decides: fork.decides, rule: fork.rule, yes: shown(fork.yes, all), no: shown(fork.no, all) },
    }),
  }
}

function printed(traced: Trace, all: boolean, indent: string): string {
  const { verdict, fork } = traced
  const lines = told(traced, all).flatMap(stepLines)
  const end = verdict ?? (fork === undefined ? 'undecided: there are more ways than are followed' : undefined)
  const text = [...lines, ...(end === undefined ? [] : [end])].map((line) => `${indent}${line}\n`).join('')
  return fork === undefined ? text : text + forkText(fork, all, indent)
}

function forkText({ decides, rule, yes, no }: TraceFork, all: boolean, indent: string): string {
  const what = rule === undefined ? decides.replace(/^whether /, '') : `${placeOf(rule)} matches (unknown: ${decides})`
  return `${indent}if ${what}:\n${printed(yes, all, `${indent}  `)}${indent}if not:\n${printed(no, all, `${indent}  `)}`
}

const placeOf = ({ hook, table, chain, position }: RuleStep): string =>
  `${table} ${chain === hook ? '' : `${hook} `}${chain} ${position + 1}`

function stepLines(step: TraceStep): string[] {
  if (step.kind === 'translated') return [`${step.hook}: translated as the connection is`]
  if (step.kind === 'policy') return [`${step.table} ${step.chain}: policy ${step.verdict}`]
  const { because } = step
  const head = `${placeOf(step)}: ${step.rule}`
  if (step.matches === undefined) return [`${head} (perhaps: ${because?.asks} is not known)`]
  if (step.matches) return [head, ...step.changes.map((change) => `  ${changeText(change)}`)]
  return [`${head} (fails: ${because?.asks}${because?.has === undefined ? '' : `; the packet has ${because.has}`})`]
}

const changeText = ({ property, from, to }: PacketChange): string =>
  `${property} ${from === undefined ? '' : `${from} `}becomes ${to ?? 'what is not known'}`
