/** Command lines of every applet, and of `xtables` itself, on tables in memory. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runIptables } from '../../src/cli/iptables'
import { main } from '../../src/cli/main'
import { type Io, tablesIn } from '../../src/cli/open-kernel'
import { type FamilyName, MemoryKernel, restore, save } from '../../src/index'
import { splitWords } from '../../src/language/quoting'
import { lines, setsOf, texts } from '../corpus'
import { editText, editWords } from '../edit'
import { refused } from '../guard'
import { insist, type Kind, pick } from '../kind'

interface Input {
  /** What the command is called by; `iptables` and `ip6tables` are run on tables that hold something. */
  readonly name: string
  readonly words: readonly string[]
  readonly stdin: string
}

const NAMES: Readonly<Record<FamilyName, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' }

interface Sequence {
  readonly families: readonly FamilyName[]
  readonly lines: readonly string[]
}

const CASES = join(__dirname, '../../test/cli/cases')
const sequences: readonly Sequence[] = readdirSync(CASES).flatMap(
  (file) => JSON.parse(readFileSync(join(CASES, file), 'utf8')).sequences as Sequence[],
)

const said = sequences.flatMap(({ families, lines: all }) =>
  all.flatMap((line) => {
    const words = refused(() => splitWords(line))
    return words === undefined ? [] : families.map((family) => ({ name: NAMES[family], words }))
  }),
)

const ofRules = lines
  .filter((_, i) => i % 4 === 0)
  .map(({ family, table, chain, words }) => ({ name: NAMES[family], words: ['-t', table, '-A', chain, ...words] }))

const OTHERS: readonly (readonly [name: string, ...words: string[]])[] = [
  ...(['iptables-save', 'ip6tables-save'] as const).flatMap(
    (name) => [[name], [name, '-c'], [name, '-t', 'nat'], [name, '-h']] as const,
  ),
  ...(['iptables-restore', 'ip6tables-restore'] as const).flatMap(
    (name) =>
      [[name], [name, '-c', '-n'], [name, '-t', '-v'], [name, '-T', 'filter', '-w', '5'], [name, '-W', '3']] as const,
  ),
  ...([['iptables-xml'], ['iptables-xml', '-c', '-v'], ['iptables-xml', '-']] as const),
  ...([
    ['xtables', 'help'],
    ['xtables', 'help', 'tcp'],
    ['xtables', 'capture', '-6', 'filter'],
    ['xtables', 'dump', '--json'],
    ['xtables', 'dump', '--json', '-6', 'nat'],
    ['xtables', 'apply', '--json', '-'],
    ['xtables', 'iptables', '-S'],
    ['xtables', '--version'],
  ] as const),
]

const others = OTHERS.map(([name, ...words]) => ({ name, words }))
/** Each by turns, as there are few of some. */
const groups: readonly (readonly { name: string; words: readonly string[] }[])[] = [said, ofRules, others]
const wordLists = groups.flat().map(({ words }) => words)

const sets = setsOf()
const BUSY =
  '*filter\n:one -\n:two -\n-A INPUT -p tcp -m tcp --dport 22 -j one\n-A INPUT -j ACCEPT\n-A one -j two\nCOMMIT\n'

const isSaid = (status: unknown): boolean =>
  Number.isInteger(status) && (status as number) >= 0 && (status as number) < 5

function examineIptables({ name, words }: Input): void {
  const family: FamilyName = name === 'iptables' ? 'ipv4' : 'ipv6'
  const kernel = new MemoryKernel({ sets })
  const place = { kernel, ipv6: family === 'ipv6' }
  restore(BUSY, place)
  const state = (): string => save({ ...place, tables: ['filter'] }).replaceAll(/^#.*\n/gm, '')
  const errors: string[] = []
  const io: Io = {
    stdout: () => {},
    stderr: (text) => void errors.push(text),
    stdin: () => '',
    ...tablesIn({ kernel }, family),
  }
  const run = (all: readonly string[]): number => runIptables(all, family, io)
  const before = state()
  const status = run(words)
  const after = state()
  insist(isSaid(status), () => `status ${status}`)
  insist(
    status === 0 || errors.length > 0 || words.includes('-C') || words.includes('--check'),
    () => 'it fails in silence',
  )
  insist(status === 0 || after === before, () => `it fails, and has changed the table: ${errors}`)
  if (status === 0 && after !== before) checkAppended(words, run, () => String(errors))
}

/** What was appended is found again by the same words. */
function checkAppended(words: readonly string[], run: (words: readonly string[]) => number, err: () => string): void {
  const at = words.indexOf('-A')
  if (at < 0 || words.lastIndexOf('-A') !== at || words.some((word) => /^(-[cZ]|--(se|z))/.test(word))) return
  insist(run(words.with(at, '-C')) === 0, () => `what it appended is not there: ${err()}`)
}

function examineOther({ name, words, stdin }: Input): void {
  const streams = { stdout() {}, stderr() {}, stdin: () => stdin, lines: () => stdin.split('\n') }
  const all = name === 'iptables-xml' ? words : ['--kernel', 'memory', ...words]
  const status = main(name, all, streams)
  insist(isSaid(status), () => `status ${status}`)
}

export const command: Kind<Input> = {
  name: 'command',
  make({ item, edits, choice }) {
    const { name, words } = pick(pick(groups, item), item >>> 4)
    const [first, ...rest] = edits
    const text = pick(texts, choice).text
    return {
      name,
      words: rest.reduce((all, edit) => editWords(all, edit, wordLists), words),
      stdin: first === undefined ? text : editText(text, first),
    }
  },
  examine: (input) =>
    input.name === 'iptables' || input.name === 'ip6tables' ? examineIptables(input) : examineOther(input),
  size: ({ words, stdin }) => words.join(' ').length + stdin.length,
  show: ({ name, words, stdin }) => `${name} ${JSON.stringify(words)} < ${JSON.stringify(stdin)}`,
}
