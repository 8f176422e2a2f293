/** The files that the package must contain. No others are allowed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Packed, ROOT } from './pack'

const TOP = ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'examples', 'man', 'package.json', 'schema']

/** Limits in bytes, about 10 % above the actual sizes. */
const MOST = { size: 2_300_000, unpackedSize: 9_200_000 }

/** The modules that npm installs with it. `@yuuang` contains the binaries of ffi-rs. */
const INSTALLED = ['@yuuang', 'ffi-rs', 'xtables', 'zod']
const DEPENDENCIES = ['ffi-rs', 'zod']
/** npm warns users about packages with one of these. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']

/** Files that are bundled from several sources, or copied. */
const BUNDLED =
  /^dist\/(?:command\.js|xtables\.js|page\/(?:index\.html|page\.css|page\.js)|completion\/xtables\.(?:bash|zsh|fish))$/
const COMPILED = /^dist\/([^.]+)\.(?:js|js\.map|d\.ts)$/
const AGENT =
  /^examples\/agent\/(?:src\/[a-z]+\.ts|(?:package|tsconfig|policy|policy\.schema)\.json|README\.md|Dockerfile|\.dockerignore|agent\.service)$/
const PAPERS =
  /^(?:man\/xtables\.8|docs\/(?:recipes\/)?[a-z-]+\.md|schema\/[a-z0-9]+\.schema\.json|(?:README|CHANGELOG)\.md|LICENSE|package\.json)$/

/** A compiled file must have a source: otherwise it is left over from an earlier build. */
function isExpected(path: string): boolean {
  const source = COMPILED.exec(path)?.[1]
  if ([BUNDLED, PAPERS, AGENT].some((one) => one.test(path))) return true
  return source !== undefined && existsSync(join(ROOT, `src/${source}.ts`))
}

function demandSame(what: string, actual: readonly string[], expected: readonly string[]): void {
  if (String([...actual].sort()) !== String([...expected].sort()))
    throw new Error(`${what}: ${[...actual].sort().join(', ')}; expected ${expected.join(', ')}`)
}

/** The package does not contain the sources, so each source map must include them. */
function checkMaps(files: readonly string[], installed: string): void {
  const maps = files.filter((path) => path.endsWith('.js.map'))
  const isWhole = (path: string): boolean => {
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(installed, path), 'utf8'))
    return sourcesContent?.length === sources.length
  }
  const poor = maps.filter((path) => !isWhole(path))
  if (maps.length === 0 || poor.length > 0) throw new Error(`maps without sources: ${poor.join(', ') || 'all'}`)
}

export function checkContents(packed: Packed, project: string): void {
  const installed = join(project, 'node_modules/xtables')
  const top = new Set(packed.files.map((path) => path.split('/')[0] as string))
  demandSame('top-level files', [...top], TOP)
  const others = packed.files.filter((path) => !isExpected(path))
  if (others.length > 0) throw new Error(`files that no one expects in the package: ${others.join(', ')}`)
  for (const what of ['size', 'unpackedSize'] as const)
    if (packed[what] > MOST[what]) throw new Error(`${what} is ${packed[what]} bytes; at most ${MOST[what]}`)
  const {
    dependencies,
    peerDependencies = {},
    scripts,
  } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  demandSame(
    'install scripts',
    INSTALL_SCRIPTS.filter((name) => Object.hasOwn(scripts, name)),
    [],
  )
  demandSame('dependencies', Object.keys({ ...dependencies, ...peerDependencies }), DEPENDENCIES)
  const modules = readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))
  demandSame('installed', modules, INSTALLED)
  checkMaps(packed.files, installed)
  const layout = readFileSync(join(installed, 'dist/graph/dagre.js'), 'utf8')
  if (!layout.includes('The above copyright notice')) throw new Error('the layout of graphs has lost its licence')
}
