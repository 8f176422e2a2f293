/** Writes docs/errors.md: every error code, with a message that was actually produced. */
import { ERROR_CODES, type ErrorCode } from '../src/error-codes'
import { provoked } from '../test/support/provoked-errors'

const CODES = Object.keys(ERROR_CODES) as ErrorCode[]

const HEAD = `# Errors

Made by \`npm run docs\` from \`src/error-codes.ts\`; do not edit. Every error that this library throws on purpose is an
\`IptcError\`. Its \`code\` says what went wrong and stays the same from one version to the next; its message is for people, and
may change. The class has fields that say where (README.md, "Errors"). The messages below were produced by the tests.

\`\`\`ts
import { IptcError, MemoryKernel, Table } from 'xtables'

try {
  new Table('filter', { kernel: new MemoryKernel() }).deleteChain('web')
} catch (error) {
  if (!(error instanceof IptcError)) throw error
  console.log(error.code, error.message) // XT_NO_CHAIN table filter has no chain web
}
\`\`\`
`

const linksTo = (codes: readonly ErrorCode[]): string =>
  codes.map((code) => `[\`${code}\`](#${code.toLowerCase()})`).join(', ')

async function section(code: ErrorCode): Promise<string> {
  const { meaning, remedy } = ERROR_CODES[code]
  const { message } = (await provoked(code)) as Error
  return `### ${code}\n\n${meaning}\n\n\`\`\`text\n${message}\n\`\`\`\n\n${remedy}\n`
}

export async function errorsPage(): Promise<string> {
  const classes = [...new Set(CODES.map((code) => ERROR_CODES[code].class))]
  const codesOf = (name: string): ErrorCode[] => CODES.filter((code) => ERROR_CODES[code].class === name)
  const rows = classes.map((name) => `- [\`${name}\`](#${name.toLowerCase()}): ${linksTo(codesOf(name))}`)
  const parts = [HEAD, `${rows.join('\n')}\n`]
  for (const name of classes) {
    parts.push(`## ${name}\n`)
    for (const code of codesOf(name)) parts.push(await section(code))
  }
  return parts.join('\n')
}
