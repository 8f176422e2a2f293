/** Runs tests on both backends. */
import { BACKENDS, type BackendName } from '../../src/backend/store'

const VARIABLE = 'XTABLES_BACKEND'

/** Runs tests on each backend, which is the default for tables, dictionaries and texts in them. */
export function onBackends(tests: (backend: BackendName) => void): void {
  describe.each(BACKENDS)('%s', (backend) => {
    const before = process.env[VARIABLE]
    beforeAll(() => {
      process.env[VARIABLE] = backend
    })
    afterAll(() => {
      if (before === undefined) delete process.env[VARIABLE]
      else process.env[VARIABLE] = before
    })
    tests(backend)
  })
}
