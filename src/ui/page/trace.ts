/**
 * Traces a packet: a form that describes it, its path in the graph of chains, and the rules that it is tested
 * against.
 */
import type { FamilyName } from '../../abi/family'
import type { RuleStep, TraceStep } from '../../trace/trace'
import type { DrawnTable, PacketForm, Traced, TracedFork } from '../api'
import { el, labelled, note, options, show, telling } from './dom'
import { drawGraph, verdictKind } from './graph'
import { plural } from './numbers'
import { endsOf, PacketPath, type Side } from './packet-path'
import { call } from './server'
import { FAMILY_WORDS } from './tables'

interface Field {
  readonly label: string
  readonly isCommon?: true
  readonly kind: 'text' | 'number' | 'flag' | Readonly<Record<string, string>>
  readonly example?: string
}

const named = (...names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries([['', 'not known'], ...names.map((name) => [name, name])])

/** Properties that are left out are not known. */
const FIELDS: Readonly<Record<keyof PacketForm, Field>> = {
  way: {
    ...{ label: 'Where it goes', isCommon: true },
    kind: { '': 'not known', input: 'to this host', forward: 'through this host', output: 'from this host' },
  },
  protocol: { label: 'Protocol', isCommon: true, kind: 'text', example: 'tcp' },
  source: { label: 'Source', isCommon: true, kind: 'text', example: '192.0.2.1' },
  sourcePort: { label: 'Source port', isCommon: true, kind: 'number', example: '40000' },
  destination: { label: 'Destination', isCommon: true, kind: 'text', example: '198.51.100.0/24' },
  destinationPort: { label: 'Destination port', isCommon: true, kind: 'number', example: '22' },
  in: { label: 'In interface', isCommon: true, kind: 'text', example: 'eth0' },
  out: { label: 'Out interface', isCommon: true, kind: 'text', example: 'eth1' },
  state: {
    ...{ label: 'Connection state', isCommon: true },
    kind: named('NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'),
  },
  tcpFlags: { label: 'TCP flags', kind: 'text', example: 'SYN,ACK' },
  icmpType: { label: 'ICMP type', kind: 'text', example: 'echo-request' },
  mark: { label: 'Mark', kind: 'number', example: '0x1' },
  connectionMark: { label: 'Connection mark', kind: 'number', example: '0x1' },
  length: { label: 'Length in bytes', kind: 'number', example: '60' },
  ttl: { label: 'TTL or hop limit', kind: 'number', example: '64' },
  tos: { label: 'TOS or traffic class', kind: 'number', example: '0x10' },
  uid: { label: 'User id of the sender', kind: 'number', example: '1000' },
  gid: { label: 'Group id of the sender', kind: 'number', example: '1000' },
  packetType: { label: 'Packet type', kind: named('unicast', 'broadcast', 'multicast') },
  sourceMac: { label: 'Source MAC', kind: 'text', example: '02:00:00:00:00:01' },
  fragment: { label: 'A later fragment', kind: 'flag' },
  bytes: { label: 'Whole packet, in hexadecimal', kind: 'text', example: '4500003c…' },
}

type Control = HTMLInputElement | HTMLSelectElement

function controlOf(name: string, { kind, example }: Field): Control {
  if (typeof kind === 'object') return el('select', { name }, ...options(kind))
  if (kind === 'flag') return el('input', { name, type: 'checkbox' })
  return el('input', { name, type: 'text', placeholder: example, spellcheck: 'false', autocomplete: 'off' })
}

export interface TraceActions {
  readonly reveal: (family: FamilyName, table: string, chain: string) => void
  /** Marks rules in the tables. */
  readonly mark: (rules: readonly { family: FamilyName; table: string; chain: string; position: number }[]) => void
}

export class TraceView {
  readonly #actions: TraceActions
  readonly #family = el('select', { name: 'family' }, ...options(FAMILY_WORDS))
  readonly #controls: ReadonlyMap<keyof PacketForm, Control>
  readonly #result = el('div', { class: 'result', 'aria-live': 'polite' })
  readonly #isAll = el('input', { type: 'checkbox' })
  readonly #more: HTMLDetailsElement
  #questions = 0
  #isTraceAsked = false
  #traced: { readonly family: FamilyName; readonly answer: Traced } | undefined
  #sides: readonly Side[] = []

  constructor(root: Element, actions: TraceActions) {
    this.#actions = actions
    const names = Object.keys(FIELDS) as (keyof PacketForm)[]
    this.#controls = new Map(names.map((name) => [name, controlOf(name, FIELDS[name])]))
    const fields = (isCommon: boolean): HTMLElement[] =>
      names
        .filter((name) => (FIELDS[name].isCommon ?? false) === isCommon)
        .map((name) => labelled(FIELDS[name].label, this.#controls.get(name) as Control))
    this.#more = el('details', {}, el('summary', {}, 'More'), el('div', { class: 'fields' }, ...fields(false)))
    const form = el(
      'form',
      { class: 'packet', 'aria-label': 'packet' },
      el('div', { class: 'fields' }, labelled('Family', this.#family), ...fields(true)),
      this.#more,
      el(
        'p',
        { class: 'buttons' },
        el('button', { type: 'submit', class: 'main' }, 'Trace'),
        el('button', { type: 'reset' }, 'Clear'),
      ),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#ask()
    })
    form.addEventListener('reset', () => setTimeout(() => void this.#drawChains()))
    this.#family.addEventListener('change', () => void this.#drawChains())
    this.#isAll.addEventListener('change', () => this.#show())
    const hint = 'What you leave out is not known. Where that decides, all ways are followed. No packet is sent.'
    show(root, el('h2', {}, 'What would happen to a packet?'), note(hint, 'dim'), form, this.#result)
  }

  /** Draws the graph without a packet, unless the trace of one has been asked for. */
  open(): void {
    if (!this.#isTraceAsked) void this.#drawChains()
  }

  /** Fills the form, and traces the packet. */
  async trace(family: FamilyName, packet: PacketForm): Promise<void> {
    this.#family.value = family
    for (const [name, control] of this.#controls) {
      const value = packet[name]
      if (control instanceof HTMLInputElement && control.type === 'checkbox') control.checked = value === true
      else control.value = String(value ?? '')
      if (value !== undefined && !FIELDS[name].isCommon) this.#more.open = true
    }
    await this.#ask()
  }

  get #packet(): PacketForm {
    const said = [...this.#controls].flatMap(([name, control]): [string, unknown][] => {
      if (control instanceof HTMLInputElement && control.type === 'checkbox')
        return control.checked ? [[name, true]] : []
      const text = control.value.trim()
      if (text === '') return []
      if (FIELDS[name].kind !== 'number') return [[name, text]]
      if (!/^(0x[\da-f]+|\d+)$/i.test(text)) throw new Error(`${FIELDS[name].label} must be a number, not ${text}`)
      return [[name, Number(text)]]
    })
    return Object.fromEntries(said) as PacketForm
  }

  #ask(): Promise<void> {
    this.#isTraceAsked = true
    const family = this.#family.value as FamilyName
    return this.#showAnswer(
      () => call('trace', { family, packet: this.#packet }),
      (answer) => {
        ;[this.#traced, this.#sides] = [{ family, answer }, []]
        this.#show()
      },
    )
  }

  #drawChains(): Promise<void> {
    this.#isTraceAsked = false
    const family = this.#family.value as FamilyName
    return this.#showAnswer(
      () => call('graph', { family }),
      (tables) => {
        if (tables.length === 0)
          show(this.#result, note(`There are no tables of ${FAMILY_WORDS[family]}: every packet is accepted.`, 'empty'))
        else show(this.#result, el('h3', {}, 'Chains and jumps'), this.#graph(family, tables, undefined))
      },
    )
  }

  /** Shows the answer or the error in place of what was shown, unless something else has been asked meanwhile. */
  async #showAnswer<T>(ask: () => Promise<T>, use: (answer: T) => void): Promise<void> {
    const number = ++this.#questions
    await telling(this.#result, async () => {
      this.#traced = undefined
      this.#actions.mark([])
      try {
        const answer = await ask()
        if (number === this.#questions) use(answer)
      } catch (error) {
        if (number === this.#questions) throw error
      }
    })
  }

  #graph(family: FamilyName, tables: readonly DrawnTable[], way: PacketPath | undefined): HTMLElement {
    return drawGraph(tables, way, (table, chain) => this.#actions.reveal(family, table, chain))
  }

  #show(): void {
    if (this.#traced === undefined) return
    const { family, answer } = this.#traced
    const way = new PacketPath(answer.way, this.#sides)
    const ends = [...endsOf(answer.way)]
    const onWay = [...new Set(way.steps.flatMap((step) => (step.kind === 'translated' ? [] : [step.table])))]
    const drawings = onWay.flatMap((name) => answer.drawings.filter(({ table }) => table === name))
    this.#actions.mark(way.met.map((step) => ({ family, ...step })))
    show(
      this.#result,
      el(
        'p',
        { class: 'verdicts' },
        el('span', { class: `verdict ${verdictKind(way.verdict)}` }, way.verdict),
        ends.length > 1 && ` on this way; all ways: ${ends.join(', ')}`,
        way.verdict === 'undecided' && ' there are more ways than are followed: say more of the packet',
      ),
      ...way.forks.map((fork, i) => this.#fork(fork, i)),
      this.#graph(family, drawings, way),
      el('h3', {}, 'Rules'),
      labelled('Also those that it fails, and why', this.#isAll, { class: 'check' }),
      ...this.#steps(way),
    )
  }

  /** The choice between the two sides of a fork, of which one is shown. */
  #fork({ decides, rule }: TracedFork, index: number): HTMLElement {
    const sides = { yes: 'it is so', no: 'it is not' } as const
    const chosen = this.#sides[index] ?? 'yes'
    const radios = (Object.keys(sides) as Side[]).map((side) => {
      const radio = el('input', { type: 'radio', name: `fork-${index}`, value: side, checked: side === chosen })
      radio.addEventListener('change', () => this.#choose(index, side))
      return el('label', { class: 'check' }, radio, el('span', {}, sides[side]))
    })
    return el(
      'fieldset',
      { class: 'fork' },
      el('legend', {}, 'Not known: ', el('code', {}, decides)),
      rule !== undefined && el('p', { class: 'dim' }, `${placeOf(rule)}: `, el('code', {}, rule.rule)),
      ...radios,
    )
  }

  #choose(index: number, side: Side): void {
    this.#sides = [...Array.from({ length: index }, (_, i) => this.#sides[i] ?? 'yes'), side]
    this.#show()
    this.#result.querySelector<HTMLInputElement>(`input[name=fork-${index}]:checked`)?.focus()
  }

  #steps(way: PacketPath): HTMLElement[] {
    const isShown = (step: TraceStep): boolean => step.kind !== 'rule' || step.matches !== false || this.#isAll.checked
    const steps = way.steps.filter(isShown)
    const left = way.left + way.steps.length - steps.length
    return [
      el('ol', { class: 'steps' }, ...steps.map(stepOf)),
      note(left > 0 ? `${plural(left, 'rule')} that it fails ${left === 1 ? 'is' : 'are'} not shown` : '', 'dim'),
    ]
  }
}

const placeOf = ({ hook, table, chain, position }: RuleStep): string =>
  `${table} ${chain === hook ? '' : `${hook} `}${chain} ${position + 1}`

function stepOf(step: TraceStep): HTMLElement {
  if (step.kind === 'translated') return el('li', {}, note(`${step.hook}: translated as the connection is`))
  if (step.kind === 'policy')
    return el(
      'li',
      { class: `policy ${verdictKind(step.verdict)}` },
      el('span', { class: 'place' }, `${step.table} ${step.chain}`),
      ` policy ${step.verdict}`,
    )
  const { matches, because, changes } = step
  const kind = matches === undefined ? 'perhaps' : matches ? 'met' : 'failed'
  const has = because?.has === undefined ? '' : `; the packet has ${because.has}`
  const why = because === undefined ? '' : `: ${because.asks}${matches === undefined ? ' is not known' : has}`
  const words = { perhaps: 'perhaps', met: 'meets', failed: 'fails' } as const
  return el(
    'li',
    { class: kind, 'data-chain': step.chain, 'data-position': step.position + 1 },
    el('span', { class: 'place' }, placeOf(step)),
    el('code', {}, step.rule),
    el('span', { class: 'outcome' }, `${words[kind]}${matches === true ? '' : why}`),
    ...changes.map(({ property, from, to }) =>
      note(`${property} ${from ?? ''} becomes ${to ?? 'what is not known'}`, 'change'),
    ),
  )
}
