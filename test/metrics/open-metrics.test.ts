/** Counters of labelled rules as OpenMetrics text, compared with the output of prom-client. */
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import {
  easy,
  IptcError,
  MemoryKernel,
  OPEN_METRICS_TYPE,
  openMetrics,
  promCounters,
  snapshot,
  type TableSnapshot,
} from '../../src/index'
import { filterOf, tablesOf } from '../view/tables'

const RULES = filterOf(
  ':web-a - [0:0]',
  ':web-b - [0:0]',
  ':other - [0:0]',
  '[1:10] -A INPUT -p tcp -m comment --comment "the site" -j web-a',
  '[2:20] -A INPUT -p udp -m comment --comment "the site" -j web-a',
  '[4:40] -A INPUT -j LOG',
  '[18446744073709551615:18446744073709551614] -A web-a -s 10.0.0.1 -j DROP',
  '[5:50] -A web-a -m comment --comment said -j DROP',
  '[6:60] -A web-b -j DROP',
  '[7:70] -A other -j DROP',
)

test('rules with comments, and those of named chains', () => {
  expect(openMetrics(tablesOf(RULES), { prefix: 'web-', chains: ['other'] })).toBe(
    `# HELP xtables_rule_packets Packets that labelled rules have matched.
# TYPE xtables_rule_packets counter
# UNIT xtables_rule_packets packets
xtables_rule_packets_total{family="ipv4",table="filter",chain="INPUT",comment="the site"} 3
xtables_rule_packets_total{family="ipv4",table="filter",chain="other",rule="-j DROP"} 7
xtables_rule_packets_total{family="ipv4",table="filter",chain="web-a",rule="-s 10.0.0.1/32 -j DROP"} 18446744073709551615
xtables_rule_packets_total{family="ipv4",table="filter",chain="web-a",comment="said"} 5
xtables_rule_packets_total{family="ipv4",table="filter",chain="web-b",rule="-j DROP"} 6
# HELP xtables_rule_bytes Bytes of the packets that labelled rules have matched.
# TYPE xtables_rule_bytes counter
# UNIT xtables_rule_bytes bytes
xtables_rule_bytes_total{family="ipv4",table="filter",chain="INPUT",comment="the site"} 30
xtables_rule_bytes_total{family="ipv4",table="filter",chain="other",rule="-j DROP"} 70
xtables_rule_bytes_total{family="ipv4",table="filter",chain="web-a",rule="-s 10.0.0.1/32 -j DROP"} 18446744073709551614
xtables_rule_bytes_total{family="ipv4",table="filter",chain="web-a",comment="said"} 50
xtables_rule_bytes_total{family="ipv4",table="filter",chain="web-b",rule="-j DROP"} 60
# EOF
`,
  )
})

const samplesIn = (text: string): string[] => text.split('\n').filter((line) => !line.startsWith('#') && line !== '')

test('without chains, only rules with comments', () => {
  expect(samplesIn(openMetrics(tablesOf(RULES)))).toHaveLength(4)
  expect(samplesIn(openMetrics(tablesOf(filterOf('-A INPUT -j LOG'))))).toEqual([])
  expect(samplesIn(openMetrics([]))).toEqual([])
})

test('sums are exact beyond the range of a double', () => {
  const said = '-A INPUT -m comment --comment x -j DROP'
  const [packets] = samplesIn(openMetrics(tablesOf(filterOf(`[9007199254740993:0] ${said}`, `[2:0] ${said}`))))
  expect(packets).toMatch(/ 9007199254740995$/)
})

/** Comments with characters that have a meaning in the format, and rules with each of them. */
const COMMENTS = ['a "b"', 'back\\slash', '\\n', 'two\nlines', '{x="y"} 5', '# EOF', 'ü 😀', '\udcff', 'x,y=z', '\\']

function hostileTables(): TableSnapshot[] {
  const kernel = new MemoryKernel()
  for (const [i, comment] of COMMENTS.entries())
    easy.addRule('filter', 'INPUT', { comment: { comment: [comment] }, target: 'DROP', counters: [i + 1, 2 * i] }, 0, {
      kernel,
    })
  return snapshot({ kernel })
}

/** The grammar of a sample in the specification. */
const SAMPLE = /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\d+)$/
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '\\': '\\', '"': '"' }

function readSample(line: string): Record<string, string> {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
  const pairs = Array.from(labels.matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g), ([, label = '', text = '']) => [
    label,
    text.replaceAll(/\\(.)/g, (_, char: string) => ESCAPES[char] as string),
  ])
  return { name, value, ...Object.fromEntries(pairs) }
}

test('labels are escaped, so that each is parsed as it was', () => {
  const text = openMetrics(hostileTables())
  const samples = samplesIn(text).slice(0, COMMENTS.length).map(readSample)
  expect(samples).toEqual(
    COMMENTS.map((comment, i) => ({
      ...{ name: 'xtables_rule_packets_total', value: String(i + 1) },
      ...{ family: 'ipv4', table: 'filter', chain: 'INPUT', comment: comment === '\udcff' ? '\\xff' : comment },
    })),
  )
  expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text)
})

describe('prom-client', () => {
  test('prints the same for the same counters, except for units', async () => {
    const register = new Registry<OpenMetricsContentType>()
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const tables = [...hostileTables(), ...tablesOf(RULES).map((table) => ({ ...table, family: 'ipv6' as const }))]
    let readings = 0
    const read = async () => {
      readings++
      return tables
    }
    const options = { chains: ['web-b'] }
    for (const one of promCounters(read, options)) new Counter({ ...one, registers: [register] })
    const theirs = await register.metrics()
    expect(openMetrics(tables, options).replaceAll(/^# UNIT.*\n/gm, '')).toBe(theirs)
    expect(register.contentType).toBe(OPEN_METRICS_TYPE)
    expect(readings).toBe(1)
    // Values are neither added to earlier ones, nor kept when the rule is gone.
    tables.pop()
    expect(openMetrics(tables, options).replaceAll(/^# UNIT.*\n/gm, '')).toBe(await register.metrics())
    expect(readings).toBe(2)
  })

  test('gets the error if the tables cannot be read', async () => {
    const register = new Registry()
    const [one] = promCounters(() => Promise.reject(new IptcError('XT_CLOSED', 'no')))
    new Counter({ ...(one as NonNullable<typeof one>), registers: [register] })
    await expect(register.metrics()).rejects.toThrow('no')
  })
})
