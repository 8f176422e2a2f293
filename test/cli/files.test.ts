import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeText } from '../../src/binary/text'
import { readAll } from '../../src/cli/read-files'

test('a non-blocking pipe is read to its end', () => {
  const directory = mkdtempSync(join(tmpdir(), 'xtables-files-'))
  const pipe = join(directory, 'pipe')
  spawnSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const writer = openSync(pipe, 'w')
    spawn('sh', ['-c', 'echo one; sleep 0.2; echo two'], { stdio: ['ignore', writer, 'ignore'] })
    closeSync(writer)
    expect(decodeText(readAll(reader))).toBe('one\ntwo\n')
  } finally {
    closeSync(reader)
    rmSync(directory, { recursive: true })
  }
})
