/**
 * Handwritten nft configuration next to our rules and in the same tables: sets, maps, verdict maps, flowtables, tables
 * with other names and families. Our edits must leave it unchanged, byte for byte.
 */

import { FAMILIES } from '../../src/abi/family'
import { NLM_F_CREATE } from '../../src/abi/netlink'
import { NFT_TABLE_F_OWNER } from '../../src/abi/nf-tables'
import { Chain, LinuxKernel, PermissionError, Rule, RuleError, restore, save, Table } from '../../src/index'
import { nfHead, request } from '../../src/netlink/message'
import { messages } from '../../src/nft/messages'
import { caught } from '../support/caught'
import { NftAsked } from '../support/nft-asked'
import { nftRules } from '../support/nft-oracle'
import { batch } from '../support/nft-writer'
import { run } from '../support/run-program'
import { newNamespace } from './legacy'

const BY_HAND = `
table inet fw {
  set hosts { type ipv4_addr; flags interval, timeout; elements = { 10.0.0.0/8 timeout 1h, 192.168.0.1 } }
  counter hits { packets 0 bytes 0 }
  quota limited { over 100 mbytes }
  flowtable fast { hook ingress priority filter; devices = { lo }; }
  chain web {
    counter name "hits" accept
  }
  map ports { type inet_service : verdict; elements = { 22 : accept, 80 : jump web } }
  map dnats { type ipv4_addr : ipv4_addr; elements = { 10.1.1.1 : 10.2.2.2 } }
  chain in {
    type filter hook input priority filter + 5; policy accept;
    ct state vmap { established : accept, related : accept, invalid : drop }
    tcp dport vmap @ports
    ip saddr @hosts tcp dport { 1-5, 7 } limit rate over 5/second burst 7 packets log prefix "x" group 3 drop
  }
  chain forwarded {
    type filter hook forward priority filter; policy accept;
    ip protocol tcp flow add @fast
  }
}
table arp a {
  chain in {
    type filter hook input priority 0; policy accept;
    arp operation request accept
  }
}
table ip6 filter {
  chain INPUT {
    type filter hook input priority filter; policy accept;
    icmpv6 type { nd-neighbor-solicit, echo-request } accept
  }
}
table ip native {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" masquerade random,persistent
  }
}
table ip filter {
  set blocked { type ipv4_addr; elements = { 1.2.3.4, 5.6.7.8 } }
  chain other {
    tcp flags & (syn | ack) == syn meta mark set numgen inc mod 3
  }
  chain byhand {
    ip saddr 10.0.0.1 goto other
  }
  chain INPUT {
    type filter hook input priority filter; policy accept;
    ip saddr @blocked counter drop
    tcp dport { 22, 80 } accept comment "by hand"
    ct state vmap { established : accept, invalid : jump byhand }
  }
  chain first {
    type filter hook input priority -5; policy accept;
    ct mark set meta mark
  }
}
`

/** A kernel may not support flowtables. */
const WITHOUT_FLOWTABLES = BY_HAND.replace(/^.*fast.*\n/gm, '')

function within<T>(body: () => T, ...texts: readonly string[]): T {
  return newNamespace().run(() => {
    const given = texts.length > 0 ? texts : [BY_HAND, WITHOUT_FLOWTABLES]
    const made = given.find((text) => run('nft', ['-f', '-'], text).status === 0)
    if (made === undefined) throw new Error(run('nft', ['-f', '-'], given.at(-1) ?? '').stderr)
    return body()
  })
}

/** The rules of the IPv4 filter table by handle, as bytes, with counters set to 0. */
function rulesByHandle(): Map<bigint, string> {
  const rules = [...nftRules(FAMILIES.ipv4, 'filter').values()].flat()
  return new Map(
    rules.map(({ handle = 0n, expressions }) => [
      handle,
      Buffer.from(expressions?.bytes.subarray(expressions.at, expressions.end) ?? []).toString('hex'),
    ]),
  )
}

/** Everything except the IPv4 filter table. */
const others = (): string =>
  run('nft', ['list', 'ruleset'])
    .stdout.replace(/expires \w+/g, '')
    .replace(/^table ip filter \{.*?^\}\n/ms, '')

const sets = (): string => run('nft', ['list', 'sets', 'table', 'ip', 'filter']).stdout

const EDITS: readonly (readonly [string, (table: Table, input: Chain) => void])[] = [
  ['a rule is appended', (_, input) => input.appendRule(Rule.parse('-s 10.9.9.9 -j DROP'))],
  [
    'rules are inserted among those by hand',
    (_, input) => [0, 1, 3].forEach((at) => void input.insertRule(Rule.parse('-p tcp -j ACCEPT'), at)),
  ],
  [
    'a rule is replaced',
    (_, input) => {
      input.appendRule(Rule.parse('-p udp -j ACCEPT'))
      input.replaceRule(Rule.parse('-p icmp -j ACCEPT'), input.rules.length - 1)
    },
  ],
  [
    'a rule is deleted',
    (_, input) => {
      input.insertRule(Rule.parse('-p udp -j ACCEPT'), 2)
      input.deleteRule(Rule.parse('-p udp -j ACCEPT'))
    },
  ],
  [
    'a chain is renamed',
    (table) => {
      table.createChain('mine')
      table.renameChain('mine', 'yours')
    },
  ],
  [
    'a chain is made and deleted',
    (table) => {
      table.createChain('mine')
      table.deleteChain('mine')
    },
  ],
  ['a policy is set', (table) => table.setPolicy('INPUT', 'DROP')],
  [
    'a text is restored beside it',
    () =>
      restore('*filter\n:mine - [0:0]\n-A INPUT -j mine\n-A mine -j RETURN\nCOMMIT\n', {
        backend: 'nft',
        noflush: true,
      }),
  ],
  [
    'many rules are added at once',
    (table, input) =>
      table.transaction(() => {
        for (let n = 0; n < 200; n++) input.appendRule(Rule.parse(`-s 10.0.0.${n} -j ACCEPT`))
      }),
  ],
]

test.each(EDITS)('%s: the handwritten configuration is unchanged', (_, edit) => {
  within(() => {
    const [before, beside, named] = [rulesByHandle(), others(), sets()]
    using table = new Table('filter', { backend: 'nft' })
    edit(table, new Chain(table, 'INPUT'))
    const after = rulesByHandle()
    for (const [handle, bytes] of before) expect([handle, after.get(handle)]).toEqual([handle, bytes])
    expect(others()).toBe(beside)
    expect(sets()).toBe(named)
  })
})

test('rules that cannot be expressed in iptables syntax are shown as such, in their places', () => {
  within(() => {
    using table = new Table('filter', { backend: 'nft' })
    const rules = new Chain(table, 'INPUT').rules.map(String)
    expect(rules.map((text) => text.replace(/0x[\da-f]+/, '0x…'))).toEqual([
      '-j nft --revision 0 --payload 0x…',
      '-j nft --revision 0 --payload 0x…',
      '-j nft --revision 0 --payload 0x…',
    ])
    expect(table.chains.map(({ name }) => name)).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'byhand', 'other'])
    expect(save({ backend: 'nft', tables: ['filter'] })).toContain('-A byhand -s 10.0.0.1/32 -g other\n')
  })
})

test('a chain that a foreign rule refers to stays', () => {
  within(() => {
    using table = new Table('filter', { backend: 'nft' })
    expect(() => table.deleteChain('other')).toThrow(RuleError)
  })
})

const chainText = (...lines: readonly string[]): string =>
  ['table ip filter {', 'chain INPUT {', 'type filter hook input priority filter', ...lines, '}', '}', ''].join('\n')
const filter = (): string => run('nft', ['-a', 'list', 'table', 'ip', 'filter']).stdout

test('chains with the longest names of nft are read, jumped to, edited and renamed', () => {
  const [long, longest] = ['a'.repeat(31), 'b'.repeat(127)]
  const text = `table ip filter {\nchain ${long} {\n}\nchain ${longest} {\nip saddr 10.0.0.1 jump ${long}\n}\n}\n`
  within(() => {
    using table = new Table('filter', { backend: 'nft' })
    const chain = new Chain(table, longest)
    expect(chain.rules.map(String)).toEqual([`-s 10.0.0.1/32 -j ${long}`])
    chain.insertRule(Rule.parse('-p udp -j ACCEPT'), 0)
    table.renameChain(long, 'short')
    expect(chain.rules.map(String)).toEqual(['-p udp -j ACCEPT', '-s 10.0.0.1/32 -j short'])
    expect(save({ backend: 'nft' })).toContain(`:${longest} - [0:0]\n`)
  }, text)
})

test('a foreign chain in place of one of ours is named in errors', () => {
  const hooked = chainText('tcp dport 22 accept').replace('priority filter', 'priority 5')
  within(() => {
    const before = filter()
    using table = new Table('filter', { backend: 'nft' })
    const reason =
      'the table has a chain INPUT of type filter, at hook INPUT with priority 5, which iptables cannot express'
    for (const edit of [
      () => new Chain(table, 'INPUT').appendRule(Rule.parse('-j DROP')),
      () => table.setPolicy('INPUT', 'DROP'),
      () => restore('*filter\n:INPUT DROP [0:0]\n-A FORWARD -j DROP\nCOMMIT\n', { backend: 'nft' }),
    ])
      expect(edit).toThrow(reason)
    expect(filter()).toBe(before)
  }, hooked)
})

test('resetting counters does not rewrite a rule that cannot be expressed in iptables syntax', () => {
  const text = chainText(
    'ip saddr 10.0.0.1 counter packets 1 bytes 2 accept',
    'iifname { "a", "b" } counter packets 3 bytes 4 accept',
  )
  within(() => {
    const before = filter()
    using table = new Table('filter', { backend: 'nft' })
    expect(() => table.zeroEntries()).toThrow(/chain INPUT rule 2: iptables cannot express this rule/)
    expect(filter()).toBe(before)
  }, text)
})

test('a dormant table can be edited, and is reported as dormant', () => {
  within(() => {
    using table = new Table('filter', { backend: 'nft' })
    const dormant = 'flag dormant, so that no packet comes to its chains'
    expect(table.incompatible).toEqual([dormant])
    new Chain(table, 'INPUT').appendRule(Rule.parse('-j DROP'))
    expect(filter()).toContain('flags dormant')
    const text = save({ backend: 'nft' })
    expect(text).toContain(`# Table \`filter' has the ${dormant}.\n`)
    restore(text, { backend: 'nft' })
    expect([filter().match(/flags \w+|drop /gm), table.incompatible]).toEqual([['flags dormant', 'drop '], [dormant]])
  }, 'table ip filter { flags dormant; }')
})

test('a table with an owner can be read, but only its owner can change it', () => {
  newNamespace().run(() => {
    const owner = new NftAsked(new LinuxKernel())
    const made = [
      request(messages.newTable, NLM_F_CREATE, nfHead(2), { name: 'filter', flags: NFT_TABLE_F_OWNER }),
      request(messages.newChain, NLM_F_CREATE, nfHead(2), { table: 'filter', name: 'x' }),
    ]
    expect(owner.ask(batch(...made))).toEqual([])
    const before = filter()
    using table = new Table('filter', { backend: 'nft' })
    expect(table.chains.map(String)).toContain('x')
    const [what, ...more] = table.incompatible
    const [, port] =
      /^flag owner, so that only the program with netlink port (\d+) may change it$/.exec(what ?? '') ?? []
    expect([port, more]).toEqual([expect.any(String), []])
    for (const edit of [
      () => new Chain(table, 'INPUT').appendRule(Rule.parse('-j DROP')),
      () => new Chain(table, 'x').appendRule(Rule.parse('-j DROP')),
      () => table.createChain('y'),
      () => table.deleteChain('x'),
      () => restore('*filter\n-A FORWARD -j DROP\nCOMMIT\n', { backend: 'nft' }),
    ]) {
      const error = caught(edit)
      expect(error).toBeInstanceOf(PermissionError)
      expect((error as Error).message).toContain(`table filter has an owner, the program with netlink port ${port} (`)
    }
    expect(filter()).toBe(before)
    owner.close()
  })
})
