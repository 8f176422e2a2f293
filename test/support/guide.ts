/** Follows docs/guide.md in a directory where its first commands have been run: npm init and npm install. */
import { readlinkSync } from 'node:fs'
import { addProgram, follow, type Project, type Step, shellIn, stepsOf } from './followed-page'
import { blocksOf, pageText } from './programs'

const page = pageText('docs/guide.md')

/** What installs, and what leads to a shell in a network namespace of its own. */
export const [INSTALL, ENTER, ...REST] = blocksOf(page, 'sh')

export const STEPS = stepsOf(page.replace(/^```sh\n.*?^```/gms, ''))

/** @param sudo what stands for it */
export async function followGuide(project: Project, sudo: string): Promise<void> {
  addProgram(project, 'sudo', sudo)
  const isElsewhere = `test "$(readlink /proc/self/ns/net)" != '${readlinkSync('/proc/thread-self/ns/net')}'`
  const safe: Step = { kind: 'command', command: isElsewhere, output: '' }
  await follow([safe, ...STEPS], project, shellIn(project, ENTER))
}
