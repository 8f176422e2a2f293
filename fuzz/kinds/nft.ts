/** Expressions of rules of nf_tables, as a kernel may tell them, or be told. */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP } from '../../src/abi/netlink'
import { NFNL_SUBSYS_NFTABLES } from '../../src/abi/nfnetlink'
import { MemoryKernel } from '../../src/index'
import { nfHead, type Request, request } from '../../src/netlink/message'
import { type Expression, expressionList } from '../../src/nft/expressions'
import { batchBegin, batchEnd, messages } from '../../src/nft/messages'
import { canonicalRule, isHeld, readRule, writeRule } from '../../src/nft/rule'
import { plain } from '../../src/ruleset/table-entry'
import { type NftAnswer, NftAsked, shownValues } from '../../test/support/nft-asked'
import { nftFixtures } from '../../test/support/nft-fixtures'
import { refused } from '../guard'
import { type Edit, insist, type Kind, pick } from '../kind'

interface Input {
  readonly family: FamilyName
  readonly expressions: Uint8Array
}

const written: readonly Input[] = nftFixtures().flatMap(({ family, rules }) =>
  rules.map(({ expressions }) => ({ family, expressions })),
)

/** Lengths and types are of 16 bits, most values of one byte that is the last of four. */
function edited(bytes: Uint8Array, [what, where, which]: Edit): Uint8Array {
  if (bytes.length === 0) return bytes
  const at = where % bytes.length
  const aligned = at & ~3
  const copy = bytes.slice()
  switch (what % 6) {
    case 0:
      copy[at] = which
      return copy
    case 1:
      copy[aligned] = (copy[aligned] as number) + (which % 9) - 4
      return copy
    case 2:
      return bytes.slice(0, aligned)
    case 3: {
      const other = pick(written, which).expressions
      return new Uint8Array(Buffer.concat([bytes, other]))
    }
    case 4:
      copy[aligned + 3] = which % 32
      return copy.subarray(0, bytes.length)
    default:
      return new Uint8Array(
        Buffer.concat([bytes.subarray(0, aligned), bytes.subarray(aligned + 4 * (1 + (which % 9)))]),
      )
  }
}

const encoded = (bytes: Uint8Array) => ({ bytes, at: 0, end: bytes.length })

function shownList(bytes: Uint8Array): string {
  const list: Expression[] = []
  expressionList.each(encoded(bytes), (one) => list.push(one))
  return shownValues(list)
}

/** That what a rule is read as is written as what is read as the same. */
function checkRule({ family: name, expressions }: Input): void {
  const family = FAMILIES[name]
  const read = refused(() => readRule(family, encoded(expressions)))
  if (read === undefined) return
  const entry = { ...plain(read.bytes), jump: read.jump }
  const list = refused(() => writeRule(family, entry))
  if (list === undefined) return
  const again = readRule(family, encoded(list))
  // The lists in an entry that holds one differ in NLA_F_NESTED, which the kernel sets nowhere.
  if (isHeld(family, read.bytes)) {
    insist(shownList(list) === shownList(expressions), () => `held as ${shownList(list)}`)
    insist(isHeld(family, again.bytes), () => 'it is held, and then is not')
  } else
    insist(
      again.jump === read.jump && Buffer.compare(again.bytes, read.bytes) === 0,
      () =>
        `read as ${Buffer.from(read.bytes).toString('hex')}\nand then as ${Buffer.from(again.bytes).toString('hex')}`,
    )
  const canonical = refused(() => canonicalRule(family, entry))
  insist(canonical !== undefined, () => 'it is written, and not read again')
}

const SUBSYSTEM = { ...nfHead(0), resId: NFNL_SUBSYS_NFTABLES }

/** That a kernel answers, and takes again what it tells of a rule. */
function checkKernel({ family, expressions }: Input): void {
  const { domain } = FAMILIES[family]
  const asked = new NftAsked(new MemoryKernel())
  const rule = (chain: string, list: Uint8Array): Request =>
    request(messages.newRule, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, nfHead(domain), {
      table: 'filter',
      chain,
      expressions: encoded(list),
    })
  const batch = (...requests: readonly Request[]): NftAnswer[] =>
    asked.ask([request(batchBegin, 0, SUBSYSTEM, {}), ...requests, request(batchEnd, 0, SUBSYSTEM, {})])
  const chain = (name: string): Request =>
    request(messages.newChain, NLM_F_CREATE, nfHead(domain), { table: 'filter', name })
  batch(request(messages.newTable, NLM_F_CREATE, nfHead(domain), { name: 'filter' }), chain('a'), chain('b'))
  const answers = batch(rule('a', expressions))
  const [, , , errno] = answers.at(-1) as NftAnswer
  insist(answers.length === 1, () => `${answers.length} answers`)
  const rules = (): string[] =>
    asked
      .ask([request(messages.getRule, NLM_F_DUMP, nfHead(domain), { table: 'filter' })])
      .filter(([, kind]) => kind === messages.newRule.name)
      .map(([, , , what]) => JSON.stringify(JSON.parse(what).expressions))
  insist(rules().length === (errno === '0' ? 1 : 0), () => `there are ${rules().length} rules after errno ${errno}`)
}

export const nft: Kind<Input> = {
  name: 'nft',
  make({ item, edits }) {
    const { family, expressions } = pick(written, item)
    return { family, expressions: edits.reduce(edited, expressions) }
  },
  examine(input) {
    checkRule(input)
    checkKernel(input)
  },
  size: ({ expressions }) => expressions.length,
  show: ({ family, expressions }) => `${family} ${Buffer.from(expressions).toString('hex')}`,
}
