/** `xtables lint`: finds rules that are wrong or useless. */
import type { Finding } from '../lint/finding'
import { lintAll } from '../lint/lint'
import { sshSession } from '../lint/lockout'
import { FamilyRuleset } from '../trace/family-ruleset'
import { LINT } from './applets/own-applets'
import { readWords } from './command-line'
import { type Io, type OpenKernel, placeIn, readText } from './open-kernel'

/**
 * Checks the tables of both families, and compares them with each other. With files: the tables of an iptables-save text,
 * with `-6` of an ip6tables-save text, and of a second text of the other family.
 * @returns the exit status: 1 if there are findings
 */
export function runLint(args: string[], open: OpenKernel, { stdout }: Pick<Io, 'stdout'>): number {
  const { values, positionals } = readWords(LINT, args)
  const [ruleset, other] = rulesetsOf(positionals, values.ipv6 ?? false, open)
  const session = values['no-session'] ? undefined : sshSession(process.env['SSH_CONNECTION'])
  const findings = lintAll(ruleset, other, session)
  stdout(values.json ? `${JSON.stringify(findings, undefined, 2)}\n` : findings.map(printed).join(''))
  return findings.length > 0 ? 1 : 0
}

function rulesetsOf(
  files: readonly string[],
  ipv6: boolean,
  open: OpenKernel,
): [FamilyRuleset, FamilyRuleset | undefined] {
  const [first, second] = files
  const read = (six: boolean): FamilyRuleset => FamilyRuleset.read(placeIn(open, six ? 'ipv6' : 'ipv4'))
  if (first === undefined) return ipv6 ? [read(true), undefined] : [read(false), read(true)]
  const parsed = FamilyRuleset.parse(readText(first), { ipv6 })
  return [parsed, second === undefined ? undefined : FamilyRuleset.parse(readText(second), { ipv6: !ipv6 })]
}

function printed({ kind, family, table, chain, at, by, packet, message }: Finding): string {
  const place = `${family} ${table} ${chain}${at === undefined ? '' : ` ${at.position + 1}`}`
  return [
    `${place}: ${message} (${kind})`,
    ...(at === undefined ? [] : [`  ${at.rule}`]),
    ...(by === undefined ? [] : [`  rule ${by.position + 1}: ${by.rule}`]),
    ...(packet === undefined ? [] : [`  for example: ${JSON.stringify(packet)}`]),
  ]
    .map((line) => `${line}\n`)
    .join('')
}
