/** Every error code can be provoked and has its class, and docs/errors.md shows the message. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { errorsPage } from '../scripts/errors-page'
import { ERROR_CODES, type ErrorCode } from '../src/error-codes'
import * as xtables from '../src/index'
import { provoked } from './support/provoked-errors'

const CODES = Object.keys(ERROR_CODES) as ErrorCode[]

const CLASSES: Readonly<Record<string, unknown>> = { ...xtables }

/** An error from another process arrives as a plain IptcError. */
const ELSEWHERE: readonly ErrorCode[] = ['XT_FFI_MISSING']

test.each(CODES)('%s is thrown', async (code) => {
  const error = await provoked(code)
  expect(error).toMatchObject({ code })
  const name = ELSEWHERE.includes(code) ? 'IptcError' : ERROR_CODES[code].class
  expect(error).toBeInstanceOf(CLASSES[name] as never)
})

test('docs/errors.md is current: `npm run docs` makes it', async () => {
  const page = readFileSync(join(__dirname, '../docs/errors.md'), 'utf8')
  expect(page === (await errorsPage())).toBe(true)
})

test('the code is shown to people and available to programs', async () => {
  const error = (await provoked('XT_NO_CHAIN')) as Error
  expect(String(error)).toBe('NotFoundError [XT_NO_CHAIN]: table filter has no chain "web"')
  expect(inspect(error)).toMatch(/^NotFoundError.*: table filter has no chain "web"\n[\s\S]*code: 'XT_NO_CHAIN'/)
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name: 'NotFoundError', code: 'XT_NO_CHAIN' })
})
