/** Shows a plan for review: the changes that produce the desired chains. Applies it after confirmation. */
import type { FamilyName } from '../../abi/family'
import type { PlanView as Plan, Request } from '../api'
import { button, el, labelled, note, options, show, telling } from './dom'
import { plural } from './numbers'
import { call } from './server'
import { FAMILY_WORDS } from './tables'

const EXAMPLE = `*filter
:INPUT - [0:0]
:web-in - [0:0]
-A INPUT -p tcp -j web-in
-A web-in -p tcp --dport 443 -j ACCEPT
COMMIT`

const OWNS = {
  prefix: 'chains with a prefix',
  chains: 'chains by name',
  tables: 'whole tables',
} as const

export class PlanView {
  readonly #family = el('select', {}, ...options(FAMILY_WORDS))
  readonly #desired = el('textarea', { rows: 12, placeholder: EXAMPLE, spellcheck: 'false' })
  readonly #file = el('input', { type: 'file' })
  readonly #owns = el('select', {}, ...options(OWNS))
  readonly #names = el('input', { type: 'text', placeholder: 'web-', spellcheck: 'false', autocomplete: 'off' })
  readonly #jumps = el('input', { type: 'text', placeholder: 'INPUT=last', spellcheck: 'false', autocomplete: 'off' })
  readonly #result = el('div', { class: 'result', 'aria-live': 'polite' })
  #mayApply = false

  constructor(root: Element) {
    const named = labelled('Prefix, or names', this.#names)
    this.#owns.addEventListener('change', () => {
      named.hidden = this.#owns.value === 'tables'
    })
    this.#file.addEventListener('change', () => void telling(this.#result, () => this.#readFile()))
    const form = el(
      'form',
      { 'aria-label': 'what is desired' },
      labelled('Desired state: the text of iptables-save, or a dump in JSON', this.#desired, { class: 'wide' }),
      labelled('or from a file', this.#file),
      el(
        'div',
        { class: 'fields' },
        labelled('Family', this.#family),
        labelled('Yours are', this.#owns),
        named,
        labelled('Jumps from other chains', this.#jumps),
      ),
      el('p', { class: 'buttons' }, el('button', { type: 'submit', class: 'main' }, 'Show the plan')),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void telling(this.#result, async () => this.#show(await call('plan', this.#request())))
    })
    const hint = 'Nothing is changed by looking at a plan. What is not yours is never touched.'
    show(root, el('h2', {}, 'What has to be done?'), note(hint, 'dim'), form, this.#result)
  }

  set mayApply(mayApply: boolean) {
    this.#mayApply = mayApply
  }

  async #readFile(): Promise<void> {
    const [file] = this.#file.files ?? []
    if (file !== undefined) this.#desired.value = await file.text()
  }

  /** @throws Error */
  #request(): Request<'plan'> {
    const names = this.#names.value.trim()
    if (this.#owns.value !== 'tables' && names === '')
      throw new Error('say which chains are yours: the field beside it is empty')
    const owns =
      this.#owns.value === 'tables'
        ? 'tables'
        : this.#owns.value === 'prefix'
          ? { prefix: names }
          : { chains: names.split(/\s+/) }
    const jumps = this.#jumps.value.split(/\s+/).filter(Boolean).map(jumpOf)
    return { family: this.#family.value as FamilyName, desired: this.#desired.value, owns, jumps }
  }

  #show(plan: Plan, said?: string): void {
    const { family, lines } = plan
    if (lines.length === 0) {
      show(this.#result, note('Nothing to do: the chains are as desired.', 'empty'))
      return
    }
    const changes = lines.filter(({ kind }) => kind !== 'stays').length
    show(
      this.#result,
      said !== undefined && el('p', { class: 'done', role: 'status' }, said),
      el('h3', {}, said === undefined ? `${plural(changes, 'change')} to ${FAMILY_WORDS[family]}` : 'To take it back'),
      el(
        'pre',
        { class: 'diff', tabindex: 0, 'aria-label': 'plan' },
        ...lines.map(({ kind, text }) => el('span', { class: kind }, text)),
      ),
      this.#mayApply
        ? button(said === undefined ? 'Apply …' : 'Take it back …', () => this.#confirm(plan, changes), {
            class: 'main',
          })
        : note('This page only reads: plans are carried out where xtables ui was started with --allow-apply.', 'dim'),
    )
  }

  #confirm(plan: Plan, changes: number): void {
    const dialog = el('dialog', { 'aria-labelledby': 'confirm-title' })
    const close = (): void => dialog.close()
    const apply = (): void => {
      close()
      void telling(this.#result, async () => {
        const { undo } = await call('apply', { plan: plan.id, isConfirmed: true })
        this.#show(undo, 'Done: the tables are as planned.')
      })
    }
    const cancel = button('Cancel', close, { autofocus: true })
    dialog.append(
      el(
        'h3',
        { id: 'confirm-title' },
        `Make ${plural(changes, 'change')} to the ${FAMILY_WORDS[plan.family]} tables of this machine?`,
      ),
      note(
        'Nothing is done if the chains have changed since this was planned. The new rules take effect at once: a rule that locks you out also cuts off this page, if you reach it through a tunnel.',
      ),
      el('p', { class: 'buttons' }, cancel, button('Apply', apply, { class: 'main danger' })),
    )
    dialog.addEventListener('close', () => dialog.remove())
    document.body.append(dialog)
    dialog.showModal()
  }
}

/** @throws Error */
function jumpOf(word: string): Request<'plan'>['jumps'][number] {
  const [, chain, place] = /^(.+)=(first|last)$/.exec(word) ?? []
  if (chain === undefined) throw new Error(`the place of jumps must be CHAIN=first or CHAIN=last, not ${word}`)
  return { chain, place: place as 'first' | 'last' }
}
