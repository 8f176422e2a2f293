/** What docs/writing-extensions.md has a reader ask the tools, and what they say. */
import { rmSync } from 'node:fs'
import { follow, newProject, shellIn, stepsOf } from '../support/followed-page'
import { pageText } from '../support/programs'
import { newNamespace } from './legacy'

test('the tools say what the page says', async () => {
  const project = newProject()
  const namespace = newNamespace()
  try {
    const [commands = ''] = /^```console\n.*?^```/ms.exec(pageText('docs/writing-extensions.md')) ?? []
    const steps = stepsOf(commands)
    expect(steps.length).toBeGreaterThan(4)
    const shell = namespace.run(() => shellIn(project))
    await follow(steps, project, shell)
  } finally {
    rmSync(project.directory, { recursive: true })
  }
})
