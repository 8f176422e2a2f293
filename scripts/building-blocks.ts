/**
 * The tables of docs/writing-extensions.md: every building block of extension modules, with the first
 * sentence of its comment and the shortest module that uses it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import * as ts from 'typescript'

const SRC = join(__dirname, '../src')

interface Block {
  readonly name: string
  /** How it is called; of what is no function, its name. */
  readonly call: string
  readonly says: string
}

interface Module {
  /** `matches/mark` */
  readonly path: string
  readonly lines: number
  /** Its imports, each as `file name`. */
  readonly imports: ReadonlySet<string>
  readonly source: ts.SourceFile
}

/** The keys of the objects that are passed to `functions`, declared as members of the interfaces `of`. */
interface Keys {
  readonly of: readonly string[]
  readonly functions: readonly string[]
}

/** The files in which building blocks are declared, in the order of the page. */
const GROUPS: readonly { title: string; file: string; keys?: Keys }[] = [
  {
    title: 'Keys of a declaration',
    file: 'extensions/extension',
    keys: { of: ['Demands', 'Declaration'], functions: ['match', 'target'] },
  },
  { title: 'Options', file: 'extensions/option' },
  {
    title: 'Keys of an option',
    file: 'extensions/option',
    keys: { of: ['Spec'], functions: ['option', 'flag', 'negatedFlag'] },
  },
  { title: 'Structs', file: 'binary/struct' },
  { title: 'Field types', file: 'binary/codec' },
  { title: 'Text fields', file: 'binary/text' },
  { title: 'Fields composed of fields', file: 'extensions/fields' },
  { title: 'Errors of checks', file: 'extensions/extension' },
  { title: 'Listing', file: 'extensions/listing' },
  { title: 'Repeated options', file: 'extensions/repeated-options' },
  { title: 'Native form: statements of nf_tables', file: 'extensions/native' },
  { title: 'Native tests', file: 'extensions/native-tests' },
  { title: 'Native actions', file: 'extensions/native-actions' },
  { title: 'Evaluation without a native form', file: 'extensions/evaluation' },
  { title: 'Translation to nft', file: 'extensions/nft-words' },
]

/** Modules shared by several extensions, except for those in `values/`. */
const SHARED = [
  'bitwise',
  'bpf-program',
  'header-options',
  'hop-limit',
  'ipv6-headers',
  'ipv6-options-header',
  'nat',
  'native-icmp',
  'native-nat',
  'native-ports',
  'ports',
  'set-references',
]

const parse = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)

/** The first sentence of the comment before a declaration. */
function sentenceOf(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  const text = ts.getTextOfJSDocComment(comments.at(-1)?.comment) ?? ''
  const plain = text
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .trim()
  return /^.*?[.:](?= [A-Z`]|$)|^.*$/.exec(plain)?.[0] ?? ''
}

/** `first`, `...rest`, `optional?` or `{ key, other }`. */
function parameterText({ name, dotDotDotToken, questionToken, initializer }: ts.ParameterDeclaration): string {
  if (ts.isObjectBindingPattern(name)) return `{ ${name.elements.map((one) => one.name.getText()).join(', ')} }`
  const isOptional = questionToken !== undefined || initializer !== undefined
  return `${dotDotDotToken === undefined ? '' : '...'}${name.getText()}${isOptional ? '?' : ''}`
}

const blockOf = (name: string, made: ts.Node | undefined, commented: ts.Node): Block => ({
  name,
  call:
    made !== undefined && (ts.isFunctionDeclaration(made) || ts.isArrowFunction(made))
      ? `${name}(${made.parameters.map(parameterText).join(', ')})`
      : name,
  says: sentenceOf(commented),
})

/** The exported functions and constants of a file. A function with overloads is listed once for each of them. */
function exportsOf(file: string): Block[] {
  const parsed = parse(join(SRC, `${file}.ts`))
  return parsed.statements.flatMap((statement): Block[] => {
    const isExported =
      ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.[0]?.kind === ts.SyntaxKind.ExportKeyword
    if (!isExported) return []
    if (ts.isFunctionDeclaration(statement)) {
      const isOverloaded = parsed.statements.some(
        (one) => one !== statement && ts.isFunctionDeclaration(one) && one.name?.text === statement.name?.text,
      )
      if (isOverloaded && statement.body !== undefined) return []
      return [blockOf(statement.name?.text ?? '', statement, statement)]
    }
    if (!ts.isVariableStatement(statement)) return []
    return statement.declarationList.declarations.map(({ name, initializer }) =>
      blockOf(name.getText(), initializer, statement),
    )
  })
}

function membersOf(file: string, interfaces: readonly string[]): Block[] {
  return parse(join(SRC, `${file}.ts`)).statements.flatMap((statement) => {
    if (!ts.isInterfaceDeclaration(statement) || !interfaces.includes(statement.name.text)) return []
    return statement.members.map((member) => blockOf(member.name?.getText() ?? '', undefined, member))
  })
}

/** The keys of the objects that calls of these functions are given last. */
function keysOfCalls(node: ts.Node, functions: readonly string[]): string[] {
  const last =
    ts.isCallExpression(node) && functions.includes(node.expression.getText()) ? node.arguments.at(-1) : undefined
  const own = last !== undefined && ts.isObjectLiteralExpression(last) ? last.properties : []
  const keys = own.flatMap(({ name }) => name?.getText() ?? [])
  node.forEachChild((child) => void keys.push(...keysOfCalls(child, functions)))
  return keys
}

function moduleAt(path: string): Module {
  const source = parse(join(SRC, 'extensions', `${path}.ts`))
  const imports = source.statements.filter(ts.isImportDeclaration).flatMap((statement) => {
    const specifier = (statement.moduleSpecifier as ts.StringLiteral).text
    const file = relative(SRC, join(SRC, 'extensions', path, '..', specifier))
    const named = statement.importClause?.namedBindings
    return named !== undefined && ts.isNamedImports(named)
      ? named.elements.map(({ name, propertyName }) => `${file} ${(propertyName ?? name).text}`)
      : []
  })
  const lines = source.getLineStarts().length
  return { path, lines, imports: new Set(imports), source }
}

const modules: readonly Module[] = ['matches', 'targets']
  .flatMap((folder) =>
    readdirSync(join(SRC, 'extensions', folder)).map((name) => moduleAt(`${folder}/${name.slice(0, -3)}`)),
  )
  .sort((one, other) => one.lines - other.lines || (one.path < other.path ? -1 : 1))

const linkTo = ({ path }: Module): string => `[${path}](../src/extensions/${path}.ts)`

const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/</g, '&lt;')

/** A row for each block that some module uses. @throws Error for one of which no comment says what it is */
function rows(blocks: readonly Block[], isUsed: (block: Block, module: Module) => boolean): string[] {
  return blocks.flatMap((block) => {
    const best = modules.find((module) => isUsed(block, module))
    if (best === undefined) return []
    if (block.says === '') throw new Error(`no comment says what ${block.name} is`)
    return [`| \`${block.call}\` | ${cell(block.says)} | ${linkTo(best)} |`]
  })
}

const table = (title: string, file: string, lines: readonly string[]): string =>
  [
    `### ${title}`,
    '',
    `In [${file}.ts](../src/${file}.ts).`,
    '',
    '| block | what it is | shortest module with it |',
    '| --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')

const exported = (file: string): string[] =>
  rows(exportsOf(file), ({ name }, { imports }) => imports.has(`${file} ${name}`))

/** The tables, each under a heading. */
export function buildingBlocks(): string {
  const groups = GROUPS.map(({ title, file, keys }) =>
    table(
      title,
      file,
      keys === undefined
        ? exported(file)
        : rows(membersOf(file, keys.of), ({ name }, { source }) => keysOfCalls(source, keys.functions).includes(name)),
    ),
  )
  const values = readdirSync(join(SRC, 'extensions/values'))
    .map((name) => `extensions/values/${name.slice(0, -3)}`)
    .map((file) => ({ file, lines: exported(file) }))
    .filter(({ lines }) => lines.length > 0)
    .map(({ file, lines }) => table(`Values: ${file.slice(file.lastIndexOf('/') + 1)}`, file, lines))
  const shared = SHARED.map((name) => table(`Shared: ${name}`, `extensions/${name}`, exported(`extensions/${name}`)))
  return [...groups, ...values, ...shared].join('\n')
}

const PAGE = join(__dirname, '../docs/writing-extensions.md')
const MARK = '<!-- building blocks -->\n'

/** The page with its tables as they are now; what stands above them is written by hand. */
export function extensionLanguagePage(): string {
  const [byHand, tables] = readFileSync(PAGE, 'utf8').split(MARK)
  if (tables === undefined) throw new Error(`${PAGE} has no line ${MARK}`)
  return `${byHand}${MARK}\n${buildingBlocks()}`
}
