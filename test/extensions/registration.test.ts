/** Every module of an extension is registered under its name, and its lines are tried. */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { MODULES } from '../../src/extensions/modules'
import { findExtension } from '../../src/extensions/registry'
import { parseCaseFile } from '../support/case-file'
import { cases, selection } from '../support/cases'

const SRC = join(__dirname, '../../src/extensions')
const FOLDERS = { match: 'matches', target: 'targets' } as const
const kinds = ['match', 'target'] as const

describe.each(kinds)('each %s', (kind) => {
  const files = readdirSync(join(SRC, FOLDERS[kind])).map((file) => basename(file, '.ts'))

  test('in its folder is in src/extensions/modules.ts', () => {
    expect(Object.keys(MODULES[kind]).sort()).toEqual(files.sort())
  })

  test.each(files)('%s is exported, and declared, under the name of its file', (name) => {
    expect(findExtension(kind, name)).toMatchObject({ kind, name })
  })

  test('has rule lines in test/extensions/cases', () => {
    expect(files.filter((name) => !cases.some(({ extension }) => extension === name))).toEqual([])
  })
})

const group = { families: ['ipv4'], table: 'filter', setup: [], accepted: [], refused: [] }
const file = (change: object): string => JSON.stringify({ extension: 'mark', groups: [group], ...change })

describe('a file of rule lines', () => {
  test.each([
    ['without families', file({ groups: [{ ...group, families: undefined }] }), /groups\[0\].families/],
    [
      'with an unknown key',
      file({ groups: [{ ...group, rejected: [] }] }),
      /Unrecognized key: "rejected"\n.*groups\[0\]/,
    ],
    ['of another name', file({ extension: 'mrak' }), /"extension" is "mrak"; it must be "mark"/],
    ['that is not JSON', '{', /mark\.json/],
  ])('%s is refused by its path and key', (_, text, reason) => {
    expect(() => parseCaseFile(text, 'mark')).toThrow(reason)
    expect(() => parseCaseFile(text, 'mark')).toThrow('test/extensions/cases/mark.json')
  })

  test('is asked for by its name', () => {
    expect(['mark', 'tcp'].filter(selection(['tcp']))).toEqual(['tcp'])
    expect(['mark', 'tcp'].filter(selection([]))).toEqual(['mark', 'tcp'])
    expect(() => selection(['mrak'])).toThrow('there is no test/extensions/cases/mrak.json')
    expect(selection(['plain'], ['plain'])('plain')).toBe(true)
  })
})
