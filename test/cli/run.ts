/** Runs the command in this process. */

import { main } from '../../src/cli/main'
import type { Streams } from '../../src/cli/streams'

export interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export function run(name: string, words: readonly string[], input = '', more: Partial<Streams> = {}): Said {
  const said = { stdout: '', stderr: '' }
  const status = main(name, words, {
    stdout: (text) => {
      said.stdout += text
    },
    stderr: (text) => {
      said.stderr += text
    },
    stdin: () => input,
    lines: () => input.split('\n'),
    ...more,
  })
  return { status, ...said }
}
