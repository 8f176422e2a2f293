/** Builds elements from data. Text is always inserted as text: nothing in the page is parsed as HTML. */
import { visible } from '../../view/escape'

export type Child = Node | string | number | false | undefined

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value))
  element.append(...nodes(children))
  return element
}

function nodes(children: readonly Child[]): (Node | string)[] {
  return children.flatMap((child): (Node | string)[] => {
    if (child === undefined || child === false) return []
    return child instanceof Node ? [child] : [visible(String(child))]
  })
}

export const el = <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] => fill(document.createElement(name), attributes, children)

export const svg = <Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Name] =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children)

/** Replaces the children of an element. Those that stay are not moved, and so keep focus and selection. */
export function show(element: Element, ...children: readonly Child[]): void {
  const wanted = nodes(children).map((node) => (node instanceof Node ? node : document.createTextNode(node)))
  const stays = new Set<Node>(wanted)
  for (const node of [...element.childNodes]) if (!stays.has(node)) node.remove()
  let next = element.firstChild
  for (const node of wanted) {
    if (node === next) next = next.nextSibling
    else element.insertBefore(node, next)
  }
}

/** Sets the text only if it differs, so that screen readers do not announce it again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function button(label: string, act: () => unknown, attributes: Attributes = {}): HTMLButtonElement {
  const made = el('button', { type: 'button', ...attributes }, label)
  made.addEventListener('click', () => void act())
  return made
}

/** A control with its label. */
export const labelled = (label: string, control: HTMLElement, attributes: Attributes = {}): HTMLLabelElement =>
  el('label', attributes, el('span', {}, label), control)

export const options = (values: Readonly<Record<string, string>>): HTMLOptionElement[] =>
  Object.entries(values).map(([value, label]) => el('option', { value }, label))

export const note = (text: string, kind = 'note'): HTMLElement => el('p', { class: kind }, text)

/** Runs an action. If it fails, shows the error in `place`. */
export async function telling(place: Element, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    show(place, el('p', { class: 'error', role: 'alert' }, (error as Error).message))
  }
}
