/** Checks a sample of the captured translations with iptables-translate and nft of this machine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAMILIES } from '../../src/abi/family'
import { nativeFixtures } from '../support/native-fixtures'
import { isRepeated, nftExpressions, ruleOf, translated, translateVersion } from '../support/native-oracle'
import { run } from '../support/run-program'
import { RESTORE_TEXT, RESTORED, translateCommands } from '../support/translate-commands'

/** Only each of this many lines with expressions is checked. */
const STEP = 60

const here = translateVersion() === undefined ? test.skip : test
const directory = mkdtempSync(join(tmpdir(), 'xtables-translate-'))
afterAll(() => rmSync(directory, { recursive: true }))

here('the tools print what was captured', () => {
  const lines = nativeFixtures().flatMap(({ family, table, lines: all }) =>
    all
      .filter(({ expressions }) => expressions !== undefined)
      .map((line) => ({ family: FAMILIES[family], table, ...line })),
  )
  const sample = lines.filter((_, i) => i % STEP === 0)
  for (const { family, table, line, text, expressions } of sample) {
    const { stdout } = translated(family, table, line)
    expect([line, isRepeated(stdout), stdout]).toEqual([line, false, `${text}\n`])
    const made = nftExpressions(family, table, ruleOf(stdout) as string)
    expect([line, Buffer.from(made ?? []).toString('hex')]).toEqual([
      line,
      Buffer.from(expressions as Uint8Array).toString('hex'),
    ])
  }
  expect(sample.length).toBeGreaterThan(40)
})

here('the tool prints for commands what is expected', () => {
  for (const { words, why, ...wanted } of translateCommands)
    if (why === undefined) expect([words, run('iptables-translate', words)]).toEqual([words, wanted])
    else expect([words, run('iptables-translate', words)]).not.toEqual([words, wanted])
})

here('the tool translates the text like we do', () => {
  const path = join(directory, 'rules')
  writeFileSync(path, RESTORE_TEXT)
  const { stdout } = run('iptables-restore-translate', ['-f', path])
  expect(stdout.split('\n').slice(1, -2)).toEqual(RESTORED)
})
