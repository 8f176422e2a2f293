/** Follows docs/guide.md in a directory in which its first commands, npm init and npm install, were run. */
import { readlinkSync } from 'node:fs'
import { addProgram, follow, type Project, type Step, shellIn, stepsOf } from './followed-page'
import { blocksOf, pageText } from './programs'

const page = pageText('docs/guide.md')

/** The block that installs the package, the one that starts a shell in a new network namespace, and the rest. */
export const [INSTALL, ENTER, ...REST] = blocksOf(page, 'sh')

export const STEPS = stepsOf(page.replace(/^```sh\n.*?^```/gms, ''))

/** @param sudo the command that replaces it */
export async function followGuide(project: Project, sudo: string): Promise<void> {
  addProgram(project, 'sudo', sudo)
  const isElsewhere = `test "$(readlink /proc/self/ns/net)" != '${readlinkSync('/proc/thread-self/ns/net')}'`
  const safe: Step = { kind: 'command', command: isElsewhere, output: '' }
  await follow([safe, ...STEPS], project, shellIn(project, ENTER))
}
