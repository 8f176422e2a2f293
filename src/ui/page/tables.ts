/** Shows the tables of both families with live counters. */
import type { FamilyName } from '../../abi/family'
import type { Finding } from '../../lint/finding'
import { nameOf } from '../../view/rule-name'
import type { LiveEvent, PacketForm, TableView } from '../api'
import { button, el, labelled, note, options, setText, show } from './dom'
import { exact, plural, short } from './numbers'

type ChainView = TableView['chains'][number]
type RuleView = ChainView['rules'][number]
type Counters = Extract<LiveEvent, { kind: 'counters' }>

export interface TablesActions {
  /** Shows the trace of a packet. */
  readonly trace: (family: FamilyName, packet: PacketForm) => void
  /** Requests the findings of lint. */
  readonly lint: (evenOfMany: boolean) => void
}

export const FAMILY_WORDS = { ipv4: 'IPv4', ipv6: 'IPv6' } as const
const BACKEND_WORDS = { legacy: 'ip_tables', nft: 'nf_tables' } as const

/** The number of rows that a browser draws without noticeable delay. */
const MOST_ROWS = 300

/** A view of an item, which can be updated when the item is read again. */
interface Following<Item> {
  readonly key: string
  follow(item: Item, index: number): void
}

/**
 * Returns a view for each item: the existing one if there is one, or else a new one. So what stays on the page keeps focus and
 * selection when something else changes.
 */
function following<Item, View extends Following<Item>>(
  before: readonly View[],
  items: readonly Item[],
  keyOf: (item: Item) => string,
  make: (item: Item, index: number) => View,
): View[] {
  const left = Map.groupBy(before.toReversed(), ({ key }) => key)
  return items.map((item, index) => {
    const view = left.get(keyOf(item))?.pop()
    view?.follow(item, index)
    return view ?? make(item, index)
  })
}

/** A finding of lint. */
class FindingNote implements Following<Finding> {
  readonly element = el('p', { class: 'finding' })
  readonly #kind: HTMLElement
  readonly #example: HTMLElement
  #finding: Finding

  static keyOf({ kind }: Finding): string {
    return kind
  }

  constructor(finding: Finding, { trace }: TablesActions) {
    this.#kind = el('span', { class: 'badge warn' }, finding.kind)
    this.#example = button('trace an example', () => trace(this.#finding.family, this.#finding.packet as PacketForm), {
      class: 'link',
    })
    this.#finding = finding
    this.#show()
  }

  get key(): string {
    return FindingNote.keyOf(this.#finding)
  }

  follow(finding: Finding): void {
    const [before, now] = [this.#finding, finding].map((one) => JSON.stringify(one))
    this.#finding = finding
    if (now !== before) this.#show()
  }

  #show(): void {
    const { message, by, packet } = this.#finding
    const code = by && el('code', {}, `${by.position + 1}: ${by.rule}`)
    show(this.element, this.#kind, ` ${message} `, code, packet !== undefined && this.#example)
  }
}

interface Row {
  readonly element: HTMLTableRowElement
  readonly position: HTMLElement
  readonly numbers: readonly [rate: HTMLElement, packets: HTMLElement, bytes: HTMLElement]
  readonly content: HTMLElement
  /** The text of the rule, and the link to the chain that it goes to. */
  readonly words: readonly [rule: HTMLElement, link?: HTMLElement]
}

/** A rule. Its row is made when it is first shown. */
class RuleRow implements Following<RuleView> {
  readonly #chain: ChainTable
  #findings: readonly FindingNote[] = []
  #rule: RuleView
  #index: number
  rate = 0
  #counters: RuleView['counters']
  #bytesRate = 0
  #isMet = false
  #row: Row | undefined

  static keyOf(rule: RuleView): string {
    return nameOf(rule)
  }

  constructor(chain: ChainTable, rule: RuleView, index: number) {
    this.#chain = chain
    this.#rule = rule
    this.#index = index
    this.#counters = rule.counters
  }

  get key(): string {
    return RuleRow.keyOf(this.#rule)
  }
  get rule(): RuleView {
    return this.#rule
  }

  follow(rule: RuleView, index: number): void {
    ;[this.#rule, this.#index, this.#counters] = [rule, index, rule.counters]
    if (this.#row !== undefined) {
      setText(this.#row.position, String(index + 1))
      // The text of a rule that iptables cannot express contains its counters.
      if (rule.isIncompatible) setText(this.#row.words[0], rule.rule)
    }
    this.#updateNumbers()
  }

  count(counters: RuleView['counters'], rate: number, bytesRate: number): void {
    ;[this.#counters, this.rate, this.#bytesRate] = [counters, rate, bytesRate]
    this.#updateNumbers()
  }

  /** Sets the rates to zero. */
  rest(): void {
    ;[this.rate, this.#bytesRate] = [0, 0]
    this.#updateNumbers()
  }

  set isMet(isMet: boolean) {
    if (isMet === this.#isMet) return
    this.#isMet = isMet
    this.#updateContent()
  }
  get isMet(): boolean {
    return this.#isMet
  }

  set findings(findings: readonly Finding[]) {
    if (findings.length === 0 && !this.hasFindings) return
    this.#findings = this.#chain.notesOf(this.#findings, findings)
    this.#updateContent()
  }
  get hasFindings(): boolean {
    return this.#findings.length > 0
  }

  get element(): HTMLTableRowElement {
    this.#row ??= this.#make()
    return this.#row.element
  }

  #make(): Row {
    const numberCell = (kind: string): HTMLElement => el('td', { class: `number ${kind}`, role: 'cell' })
    const position = el('td', { class: 'number position', role: 'cell' }, this.#index + 1)
    const numbers = [numberCell('rate'), numberCell('packets'), numberCell('bytes')] as const
    const content = el('td', { class: 'rule', role: 'cell' })
    const element = el('tr', { role: 'row' }, position, ...numbers, content)
    this.#row = { element, position, numbers, content, words: this.#words() }
    this.#updateNumbers()
    this.#updateContent()
    return this.#row
  }

  #words(): Row['words'] {
    const { rule, jump, goto } = this.#rule
    const to = jump ?? goto
    const text = rule === '' ? note('every packet; nothing is done', 'dim') : el('code', {}, rule)
    if (to === undefined) return [text]
    return [text, button(`→ ${to}`, () => this.#chain.reveal(to), { class: 'link' })]
  }

  #updateContent(): void {
    if (this.#row === undefined) return
    const { element, content, words } = this.#row
    const met = this.#isMet && el('span', { class: 'badge met' }, 'met by the traced packet')
    element.classList.toggle('met', this.#isMet)
    show(content, ...words, met, ...this.#findings.map((one) => one.element))
  }

  #updateNumbers(): void {
    if (this.#row === undefined) return
    const [rate, packets, bytes] = this.#row.numbers
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
class ChainTable implements Following<ChainView> {
  readonly element: HTMLElement
  readonly #view: TablesView
  readonly #heading: HTMLElement
  readonly #policy = el('span')
  readonly #policyCounters = el('span', { class: 'dim' })
  readonly #length = el('span', { class: 'dim' })
  readonly #notes = el('div')
  readonly #body = el('tbody', { role: 'rowgroup' })
  readonly #table: HTMLTableElement
  readonly #showMore = button('', () => this.#showAll())
  readonly #more = el('p', { class: 'more' }, this.#showMore)
  readonly reveal: (chain: string) => void
  #chain: ChainView
  #rows: readonly RuleRow[] = []
  #findings: readonly FindingNote[] = []
  #limit = MOST_ROWS
  #shown: readonly RuleRow[] = []

  static keyOf({ name }: ChainView): string {
    return name
  }

  constructor(view: TablesView, chain: ChainView, reveal: (chain: string) => void) {
    this.#view = view
    this.reveal = reveal
    this.#heading = el('h3', { tabindex: -1 }, chain.name)
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
      el('header', {}, this.#heading, this.#policy, this.#policyCounters, this.#length),
      this.#notes,
      this.#table,
      this.#more,
    )
    this.#chain = chain
    this.follow(chain)
  }

  get key(): string {
    return ChainTable.keyOf(this.#chain)
  }
  get chain(): ChainView {
    return this.#chain
  }
  get rows(): readonly RuleRow[] {
    return this.#rows
  }

  follow(chain: ChainView): void {
    const { policy, counters, rules } = chain
    this.#chain = chain
    this.#rows = following(this.#rows, rules, RuleRow.keyOf, (rule, i) => new RuleRow(this, rule, i))
    this.#policy.className = `badge ${policy === undefined ? '' : policy === 'ACCEPT' ? 'accept' : 'drop'}`
    setText(this.#policy, policy === undefined ? 'user chain' : `policy ${policy}`)
    setText(this.#length, plural(rules.length, 'rule'))
    this.#policyCounters.hidden = counters === undefined
    if (counters !== undefined) this.countPolicy(counters)
  }

  countPolicy([packets, bytes]: RuleView['counters']): void {
    setText(this.#policyCounters, `${short(packets)} packets, ${short(bytes)} bytes`)
  }

  notesOf(before: readonly FindingNote[], findings: readonly Finding[]): FindingNote[] {
    return following(before, findings, FindingNote.keyOf, (one) => new FindingNote(one, this.#view.actions))
  }

  set findings(findings: readonly Finding[]) {
    this.#findings = this.notesOf(this.#findings, findings)
    show(this.#notes, ...this.#findings.map((one) => one.element))
  }

  focus(): void {
    this.element.scrollIntoView({ block: 'start' })
    this.#heading.focus({ preventScroll: true })
  }

  /** @returns the number of rules that are shown, and whether the chain is shown */
  filter(filter: Filter): { readonly rules: number; readonly isShown: boolean } {
    const isChain = filter.takesChain(this.#chain)
    this.#shown = this.#rows.filter((row) => filter.takesRow(row, isChain))
    const isShown =
      this.#shown.length > 0 ||
      filter.isOpen ||
      (isChain && !filter.isOfRules) ||
      (filter.isOfFindings && this.#findings.length > 0)
    this.element.hidden = !isShown
    this.#draw()
    return { rules: this.#shown.length, isShown }
  }

  #draw(): void {
    const rows = this.#shown.slice(0, this.#limit)
    show(this.#body, ...rows.map(({ element }) => element))
    this.#table.hidden = rows.length === 0
    const left = this.#shown.length - rows.length
    setText(this.#showMore, `show ${plural(left, 'more rule')}`)
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

/** The criteria by which chains and rules are shown. */
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

  /** Whether everything is shown. */
  get isOpen(): boolean {
    return this.#words === '' && !this.isOfRules
  }
  /** Whether rules are selected by criteria other than words. */
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

  takesRow({ rule: { rule, comment }, rate, hasFindings }: RuleRow, isChain: boolean): boolean {
    if (this.#isCounting && rate === 0) return false
    if (this.isOfFindings && !hasFindings) return false
    if (isChain) return true
    if (this.#scope === 'comment') return this.#has(comment)
    return this.#scope !== 'chain' && (this.#has(rule) || this.#has(comment))
  }
}

/** A table with its chains. */
class TablePart implements Following<TableView> {
  readonly element: HTMLElement
  readonly #view: TablesView
  readonly #heading: HTMLElement
  #table: TableView
  #chains: readonly ChainTable[] = []

  static keyOf({ family, table, backend, handle }: TableView): string {
    return `${family} ${table} ${backend} ${handle}`
  }

  constructor(view: TablesView, table: TableView) {
    const { family, table: name, backend } = table
    this.#view = view
    this.#heading = el(
      'h2',
      {},
      name,
      el('span', { class: 'dim' }, ` ${FAMILY_WORDS[family]}, ${BACKEND_WORDS[backend]}`),
    )
    this.element = el('section', { class: 'table', 'aria-label': `${name} of ${FAMILY_WORDS[family]}` })
    this.#table = table
    this.follow(table)
  }

  get key(): string {
    return TablePart.keyOf(this.#table)
  }
  get table(): TableView {
    return this.#table
  }
  get chains(): readonly ChainTable[] {
    return this.#chains
  }

  follow(table: TableView): void {
    const reveal = (name: string): void => this.#view.reveal(table.family, table.table, name)
    this.#table = table
    this.#chains = following(
      this.#chains,
      table.chains,
      ChainTable.keyOf,
      (chain) => new ChainTable(this.#view, chain, reveal),
    )
    show(
      this.element,
      this.#heading,
      ...table.incompatible.map((what) => note(`not in the words of iptables: ${what}`, 'finding')),
      ...this.#chains.map(({ element }) => element),
    )
  }
}

export class TablesView {
  readonly actions: TablesActions
  readonly #search = el('input', { type: 'search', placeholder: 'dport 22', spellcheck: 'false', autocomplete: 'off' })
  readonly #scope = el('select', {}, ...options(SCOPES))
  readonly #family = el('select', {}, ...options({ '': 'both', ...FAMILY_WORDS }))
  readonly #isCounting = el('input', { type: 'checkbox' })
  readonly #isOfFindings = el('input', { type: 'checkbox' })
  readonly #count = el('p', { class: 'dim', role: 'status' })
  readonly #problems = el('p', { class: 'dim' })
  readonly #look = button('', () => this.actions.lint(true))
  readonly #marks = el('p', { class: 'marks' })
  readonly #content = el('div')
  #parts: readonly TablePart[] = []
  #counting: readonly RuleRow[] = []

  constructor(root: Element, actions: TablesActions) {
    this.actions = actions
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
    this.#parts = following(this.#parts, tables, TablePart.keyOf, (table) => new TablePart(this, table))
    this.mark([])
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

  /** @param findings undefined if there are too many rules to lint without a request */
  setFindings(rules: number, findings: readonly Finding[] | undefined): void {
    this.#place(findings ?? [])
    this.#filter()
    setText(this.#look, `look over ${plural(rules, 'rule')}`)
    if (findings === undefined) show(this.#problems, this.#look, ' for what is wrong or of no use: this takes a while')
    else
      show(
        this.#problems,
        findings.length === 0 ? 'lint finds nothing' : `lint finds ${plural(findings.length, 'thing')}`,
      )
  }

  /** Assigns the findings to chains and rules. */
  #place(findings: readonly Finding[]): void {
    const byPlace = Map.groupBy(findings, ({ family, table, chain, at }) =>
      placeOf(family, table, chain, at?.position, at?.rule),
    )
    for (const { table, chains } of this.#parts)
      for (const one of chains) {
        const of = (position?: number, rule?: string): readonly Finding[] =>
          byPlace.get(placeOf(table.family, table.table, one.chain.name, position, rule)) ?? []
        one.findings = of()
        // The text is compared too: if the table has changed since, the finding may be about another rule.
        for (const [i, row] of one.rows.entries()) row.findings = of(i, row.rule.rule)
      }
  }

  /** Marks the rules that a packet matches. */
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

const placeOf = (...words: readonly (string | number | undefined)[]): string => JSON.stringify(words)

/** The tables that usually have most rules come first. */
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
