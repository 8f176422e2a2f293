/** Code in a line of text is shown as it is: Vue would take `{{ … }}` in it for an expression. Blocks of code have that already. */

interface Token {
  readonly type: string
  readonly children: Token[] | null
  attrSet(name: string, value: string): void
}

interface MarkdownIt {
  readonly core: { readonly ruler: { push(name: string, rule: (state: { readonly tokens: Token[] }) => void): void } }
}

/** A plugin of markdown-it. */
export const literalCode = (markdown: MarkdownIt) =>
  markdown.core.ruler.push('literal_code', ({ tokens }) => {
    for (const { children } of tokens)
      for (const token of children ?? []) if (token.type === 'code_inline') token.attrSet('v-pre', '')
  })
