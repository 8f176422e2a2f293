/** Follows docs/guide.md from beginning to end. `npm run check:package` does the same with the package. */
import { rmSync } from 'node:fs'
import { newProject } from '../support/followed-page'
import { followGuide, INSTALL, REST, STEPS } from '../support/guide'

jest.setTimeout(300_000)

test('the page is parsed correctly', () => {
  expect([INSTALL, REST]).toEqual(['npm init --yes\nnpm install xtables\n', []])
  expect(STEPS.filter(({ kind }) => kind === 'command').length).toBeGreaterThan(12)
})

test('every command prints what the page says', async () => {
  const project = newProject()
  try {
    // The test always runs as root, at least of a user namespace.
    await followGuide(project, 'env')
  } finally {
    rmSync(project.directory, { recursive: true })
  }
})
