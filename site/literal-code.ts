/** Shows inline code literally. Otherwise Vue would evaluate `{{ … }}` in it. Code blocks already have v-pre. */

interface Token {
  readonly type: string
  readonly children: Token[] | null
  attrSet(name: string, value: string): void
}

interface MarkdownIt {
  readonly core: { readonly ruler: { push(name: string, rule: (state: { readonly tokens: Token[] }) => void): void } }
}

/** A markdown-it plugin. */
export const literalCode = (markdown: MarkdownIt) =>
  markdown.core.ruler.push('literal_code', ({ tokens }) => {
    for (const { children } of tokens)
      for (const token of children ?? []) if (token.type === 'code_inline') token.attrSet('v-pre', '')
  })
