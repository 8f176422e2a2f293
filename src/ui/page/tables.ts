/** The tables of both families, with what counts now. */
import type { FamilyName } from '../../abi/family'
import type { Finding } from '../../lint/finding'
import type { LiveEvent, PacketForm, TableView } from '../api'
import { button, el, labelled, note, options, setText, show } from './dom'
import { exact, plural, short } from './numbers'

type ChainView = TableView['chains'][number]
type RuleView = ChainView['rules'][number]
type Counters = Extract<LiveEvent, { kind: 'counters' }>

export interface TablesActions {
  /** Shows the trace of a packet. */
  readonly trace: (family: FamilyName, packet: PacketForm) => void
  /** Looks for findings. */
  readonly lint: (evenOfMany: boolean) => void
}

export const FAMILY_WORDS = { ipv4: 'IPv4', ipv6: 'IPv6' } as const
const BACKEND_WORDS = { legacy: 'ip_tables', nft: 'nf_tables' } as const

/** A browser draws so many rows of a chain at once without hesitating. */
const MOST_ROWS = 300

/** A rule, and the row that it has once it was shown. */
class RuleRow {
  readonly #chain: ChainTable
  readonly #index: number
  readonly rule: RuleView
  rate = 0
  #findings: readonly Finding[] = []
  #counters: RuleView['counters']
  #bytesRate = 0
  #isMet = false
  #row: { readonly element: HTMLTableRowElement; readonly cells: readonly HTMLElement[] } | undefined

  constructor(chain: ChainTable, rule: RuleView, index: number) {
    this.#chain = chain
    this.rule = rule
    this.#index = index
    this.#counters = rule.counters
  }

  count(counters: RuleView['counters'], rate: number, bytesRate: number): void {
    ;[this.#counters, this.rate, this.#bytesRate] = [counters, rate, bytesRate]
    this.#update()
  }

  /** Counts nothing now. */
  rest(): void {
    ;[this.rate, this.#bytesRate] = [0, 0]
    this.#update()
  }

  set isMet(isMet: boolean) {
    if (isMet === this.#isMet) return
    this.#isMet = isMet
    this.#row = undefined
  }
  get isMet(): boolean {
    return this.#isMet
  }

  set findings(findings: readonly Finding[]) {
    this.#findings = findings
    this.#row = undefined
  }
  get findings(): readonly Finding[] {
    return this.#findings
  }
  addFinding(finding: Finding): void {
    this.findings = [...this.#findings, finding]
  }

  get element(): HTMLTableRowElement {
    this.#row ??= this.#make()
    return this.#row.element
  }

  #make() {
    const cells = ['rate', 'packets', 'bytes'].map((kind) => el('td', { class: `number ${kind}`, role: 'cell' }))
    const element = el(
      'tr',
      { role: 'row', class: this.#isMet && 'met' },
      el('td', { class: 'number position', role: 'cell' }, this.#index + 1),
      ...cells,
      el('td', { class: 'rule', role: 'cell' }, ...this.#content()),
    )
    this.#row = { element, cells }
    this.#update()
    return this.#row
  }

  #content() {
    const to = this.rule.jump ?? this.rule.goto
    const text = this.rule.rule === '' ? note('every packet; nothing is done', 'dim') : el('code', {}, this.rule.rule)
    return [
      text,
      to !== undefined && button(`→ ${to}`, () => this.#chain.reveal(to), { class: 'link' }),
      this.#isMet && el('span', { class: 'badge met' }, 'met by the traced packet'),
      ...this.findings.map((one) => this.#chain.finding(one)),
    ]
  }

  #update(): void {
    if (this.#row === undefined) return
    const [rate, packets, bytes] = this.#row.cells as [HTMLElement, HTMLElement, HTMLElement]
    setText(rate, this.rate === 0 ? '' : short(this.rate, false))
    rate.title = this.rate === 0 ? '' : `${this.rate.toFixed(1)} packets/s, ${this.#bytesRate.toFixed(0)} bytes/s`
    setText(packets, short(this.#counters[0]))
    packets.title = `${exact(this.#counters[0])} packets`
    setText(bytes, short(this.#counters[1]))
    bytes.title = `${exact(this.#counters[1])} bytes`
    this.#row.element.classList.toggle('counting', this.rate > 0)
    this.#row.element.classList.toggle('unused', Number(this.#counters[0]) === 0)
  }
}

/** A chain with its rules. */
class ChainTable {
  readonly element: HTMLElement
  readonly chain: ChainView
  readonly rows: readonly RuleRow[]
  findings: readonly Finding[] = []
  readonly #view: TablesView
  readonly #heading: HTMLElement
  readonly #policyCounters = el('span', { class: 'dim' })
  readonly #notes = el('div')
  readonly #body = el('tbody', { role: 'rowgroup' })
  readonly #table: HTMLTableElement
  readonly #more = el('p', { class: 'more' })
  readonly reveal: (chain: string) => void
  #limit = MOST_ROWS
  #shown: readonly RuleRow[] = []

  constructor(view: TablesView, chain: ChainView, reveal: (chain: string) => void) {
    this.#view = view
    this.chain = chain
    this.reveal = reveal
    this.rows = chain.rules.map((rule, i) => new RuleRow(this, rule, i))
    this.#heading = el('h3', { tabindex: -1 }, chain.name)
    const { policy } = chain
    const head = el(
      'tr',
      { role: 'row' },
      ...COLUMNS.map(([name, kind]) => el('th', { class: kind, scope: 'col', role: 'columnheader' }, name)),
    )
    this.#table = el(
      'table',
      { role: 'table', 'aria-label': `rules of ${chain.name}` },
      el('thead', { role: 'rowgroup' }, head),
      this.#body,
    )
    this.element = el(
      'section',
      { class: 'chain', 'aria-label': `chain ${chain.name}` },
      el(
        'header',
        {},
        this.#heading,
        policy === undefined
          ? el('span', { class: 'badge' }, 'user chain')
          : el('span', { class: `badge ${policy === 'ACCEPT' ? 'accept' : 'drop'}` }, `policy ${policy}`),
        policy !== undefined && this.#policyCounters,
        el('span', { class: 'dim' }, plural(chain.rules.length, 'rule')),
      ),
      this.#notes,
      this.#table,
      this.#more,
    )
    if (chain.counters) this.countPolicy(chain.counters)
  }

  countPolicy([packets, bytes]: RuleView['counters']): void {
    setText(this.#policyCounters, `${short(packets)} packets, ${short(bytes)} bytes`)
  }

  finding = (one: Finding): HTMLElement => this.#view.finding(one)

  focus(): void {
    this.element.scrollIntoView({ block: 'start' })
    this.#heading.focus({ preventScroll: true })
  }

  /** @returns how many rules are shown, and whether the chain is */
  filter(filter: Filter): { readonly rules: number; readonly isShown: boolean } {
    const isChain = filter.takesChain(this.chain)
    this.#shown = this.rows.filter((row) => filter.takesRow(row, isChain))
    const hasFindings = this.findings.length > 0
    const isShown =
      this.#shown.length > 0 || filter.isOpen || (isChain && !filter.isOfRules) || (filter.isOfFindings && hasFindings)
    this.element.hidden = !isShown
    show(this.#notes, ...this.findings.map(this.finding))
    this.#draw()
    return { rules: this.#shown.length, isShown }
  }

  #draw(): void {
    const rows = this.#shown.slice(0, this.#limit)
    show(this.#body, ...rows.map(({ element }) => element))
    this.#table.hidden = rows.length === 0
    const left = this.#shown.length - rows.length
    show(this.#more, left > 0 && button(`show ${plural(left, 'more rule')}`, () => this.#showAll()))
    this.#more.hidden = left === 0
  }

  #showAll(): void {
    this.#limit = Number.POSITIVE_INFINITY
    this.#draw()
  }
}

const COLUMNS = [
  ['#', 'number position'],
  ['packets/s', 'number rate'],
  ['packets', 'number packets'],
  ['bytes', 'number bytes'],
  ['rule', 'rule'],
] as const

const SCOPES = { all: 'anything', rule: 'rules', chain: 'chains', comment: 'comments' } as const

/** What is looked for. */
class Filter {
  readonly #words: string
  readonly #scope: keyof typeof SCOPES
  readonly #isCounting: boolean
  readonly isOfFindings: boolean

  constructor(words: string, scope: string, isCounting: boolean, isOfFindings: boolean) {
    this.#words = words.trim().toLowerCase()
    this.#scope = scope as keyof typeof SCOPES
    this.#isCounting = isCounting
    this.isOfFindings = isOfFindings
  }

  /** Whether all is shown. */
  get isOpen(): boolean {
    return this.#words === '' && !this.isOfRules
  }
  /** Whether rules are picked by more than words. */
  get isOfRules(): boolean {
    return this.#isCounting || this.isOfFindings
  }
  get words(): string {
    return this.#words
  }

  #has(text: string | undefined): boolean {
    return text?.toLowerCase().includes(this.#words) ?? false
  }

  takesChain({ name }: ChainView): boolean {
    return (this.#scope === 'all' || this.#scope === 'chain') && this.#has(name)
  }

  takesRow({ rule: { rule, comment }, rate, findings }: RuleRow, isChain: boolean): boolean {
    if (this.#isCounting && rate === 0) return false
    if (this.isOfFindings && findings.length === 0) return false
    if (isChain) return true
    if (this.#scope === 'comment') return this.#has(comment)
    return this.#scope !== 'chain' && (this.#has(rule) || this.#has(comment))
  }
}

/** A table with its chains. */
interface TablePart {
  readonly table: TableView
  readonly element: HTMLElement
  readonly chains: readonly ChainTable[]
}

export class TablesView {
  readonly #actions: TablesActions
  readonly #search = el('input', { type: 'search', placeholder: 'dport 22', spellcheck: 'false', autocomplete: 'off' })
  readonly #scope = el('select', {}, ...options(SCOPES))
  readonly #family = el('select', {}, ...options({ '': 'both', ...FAMILY_WORDS }))
  readonly #isCounting = el('input', { type: 'checkbox' })
  readonly #isOfFindings = el('input', { type: 'checkbox' })
  readonly #count = el('p', { class: 'dim', role: 'status' })
  readonly #problems = el('p', { class: 'dim' })
  readonly #marks = el('p', { class: 'marks' })
  readonly #content = el('div')
  #parts: readonly TablePart[] = []
  #counting: readonly RuleRow[] = []
  #findings: readonly Finding[] = []

  constructor(root: Element, actions: TablesActions) {
    this.#actions = actions
    const controls = [
      labelled('Search', this.#search, { class: 'wide' }),
      labelled('in', this.#scope),
      labelled('Family', this.#family),
      labelled('Counting now', this.#isCounting, { class: 'check' }),
      labelled('With findings', this.#isOfFindings, { class: 'check' }),
    ]
    const form = el('form', { class: 'tools', role: 'search' }, ...controls)
    form.addEventListener('submit', (event) => event.preventDefault())
    form.addEventListener('input', () => this.#filter())
    this.#marks.hidden = true
    show(root, form, el('div', { class: 'summary' }, this.#count, this.#problems), this.#marks, this.#content)
    show(this.#content, note('Reading the tables …'))
  }

  setTables(tables: readonly TableView[]): void {
    this.#counting = []
    this.#parts = tables.map((table) => this.#part(table))
    this.#place()
    this.mark([])
    this.#filter()
  }

  #part(table: TableView): TablePart {
    const reveal = (name: string): void => this.reveal(table.family, table.table, name)
    const chains = table.chains.map((chain) => new ChainTable(this, chain, reveal))
    const element = el(
      'section',
      { class: 'table', 'aria-label': `${table.table} of ${FAMILY_WORDS[table.family]}` },
      el(
        'h2',
        {},
        table.table,
        el('span', { class: 'dim' }, ` ${FAMILY_WORDS[table.family]}, ${BACKEND_WORDS[table.backend]}`),
      ),
      ...table.incompatible.map((what) => note(`not in the words of iptables: ${what}`, 'finding')),
      ...chains.map((chain) => chain.element),
    )
    return { table, element, chains }
  }

  setCounters({ policies, rules }: Counters): void {
    for (const { table, chain, counters } of policies) this.#parts[table]?.chains[chain]?.countPolicy(counters)
    const counting = rules.flatMap(({ table, chain, rule, counters, packetsPerSecond, bytesPerSecond }) => {
      const row = this.#parts[table]?.chains[chain]?.rows[rule]
      row?.count(counters, packetsPerSecond, bytesPerSecond)
      return row ?? []
    })
    const now = new Set(counting)
    for (const row of this.#counting) if (!now.has(row)) row.rest()
    this.#counting = counting
    if (this.#isCounting.checked) this.#filter()
  }

  /** @param findings undefined where there are too many rules to look at unasked */
  setFindings(rules: number, findings: readonly Finding[] | undefined): void {
    this.#findings = findings ?? []
    this.#place()
    this.#filter()
    if (findings === undefined)
      show(
        this.#problems,
        button(`look over ${plural(rules, 'rule')}`, () => this.#actions.lint(true)),
        ' for what is wrong or of no use: this takes a while',
      )
    else
      show(
        this.#problems,
        findings.length === 0 ? 'lint finds nothing' : `lint finds ${plural(findings.length, 'thing')}`,
      )
  }

  /** Puts findings where they belong. */
  #place(): void {
    for (const { table, chains } of this.#parts)
      for (const one of chains) {
        const here = this.#findings.filter(
          ({ family, table: name, chain }) =>
            family === table.family && name === table.table && chain === one.chain.name,
        )
        one.findings = here.filter(({ at }) => at === undefined)
        for (const row of one.rows.filter(({ findings }) => findings.length > 0)) row.findings = []
        for (const finding of here) {
          const row = one.rows[finding.at?.position ?? -1]
          // What was found of another rule, before the table was changed, is not told of this one.
          if (row?.rule.rule === finding.at?.rule) row?.addFinding(finding)
        }
      }
  }

  finding({ kind, family, by, packet, message }: Finding): HTMLElement {
    const example = packet as PacketForm | undefined
    return el(
      'p',
      { class: 'finding' },
      el('span', { class: 'badge warn' }, kind),
      ` ${message} `,
      by !== undefined && el('code', {}, `${by.position + 1}: ${by.rule}`),
      example !== undefined &&
        button('trace an example', () => this.#actions.trace(family, example), { class: 'link' }),
    )
  }

  /** Marks rules that a packet meets. */
  mark(rules: readonly { family: FamilyName; table: string; chain: string; position: number }[]): void {
    for (const { table, chains } of this.#parts)
      for (const { chain, rows } of chains) {
        const here = rules.filter(
          (one) => one.family === table.family && one.table === table.table && one.chain === chain.name,
        )
        const met = new Set(here.map(({ position }) => position))
        for (const [i, row] of rows.entries()) row.isMet = met.has(i)
      }
    this.#marks.hidden = rules.length === 0
    show(
      this.#marks,
      `${plural(rules.length, 'rule')} met by the traced packet: marked below. `,
      button('clear', () => this.mark([]), { class: 'link' }),
    )
    this.#filter()
  }

  reveal(family: FamilyName, table: string, chain: string): void {
    location.hash = '#tables'
    const isThere = (part: TablePart): boolean => part.table.family === family && part.table.table === table
    const found = this.#parts.find(isThere)?.chains.find((one) => one.chain.name === chain)
    if (found?.element.hidden || this.#family.value !== '') {
      this.#search.value = ''
      this.#family.value = ''
      this.#isCounting.checked = this.#isOfFindings.checked = false
      this.#filter()
    }
    requestAnimationFrame(() => found?.focus())
  }

  #filter(): void {
    const filter = new Filter(
      this.#search.value,
      this.#scope.value,
      this.#isCounting.checked,
      this.#isOfFindings.checked,
    )
    let shown = 0
    let all = 0
    const parts = this.#parts.filter(({ table, element, chains }) => {
      const isFamily = this.#family.value === '' || this.#family.value === table.family
      const counts = isFamily ? chains.map((chain) => chain.filter(filter)) : []
      shown += counts.reduce((sum, { rules }) => sum + rules, 0)
      all += chains.reduce((sum, { rows }) => sum + rows.length, 0)
      element.hidden = !counts.some(({ isShown }) => isShown)
      return !element.hidden
    })
    setText(this.#count, shown === all ? plural(all, 'rule') : `${exact(shown)} of ${plural(all, 'rule')}`)
    const elements = this.#parts.toSorted(byPlace).map(({ element }) => element)
    if (this.#parts.length === 0) show(this.#content, EMPTY())
    else show(this.#content, ...elements, parts.length === 0 && note(nothingText(filter)))
  }
}

/** Those first that most rules are in. */
const ORDER: readonly string[] = ['filter', 'nat', 'mangle', 'raw', 'security']

const byPlace = ({ table: one }: TablePart, { table: other }: TablePart): number =>
  one.family.localeCompare(other.family) || ORDER.indexOf(one.table) - ORDER.indexOf(other.table)

const EMPTY = (): HTMLElement =>
  el(
    'div',
    { class: 'empty' },
    el('h2', {}, 'No tables yet'),
    note(
      'Nothing has used the packet filter in this network namespace. A table is shown here as soon as it has its first rule.',
    ),
  )

const nothingText = ({ words }: Filter): string =>
  words === '' ? 'There is no rule of that kind now.' : `Nothing is found for “${words}”.`
