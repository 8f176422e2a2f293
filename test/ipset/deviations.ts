/** Intended differences between `xtables ipset` and ipset 7.17. A test fails if one no longer applies. */
export interface SetCommandDeviation {
  /** Matches the lines with this difference. */
  readonly lines: RegExp
  /** What differs. If it is the status, only one of the two changes its sets. */
  readonly what: readonly ('status' | 'stdout' | 'stderr')[]
  /** Commands. The last one shows the difference. */
  readonly shown: readonly (readonly string[])[]
  /** The standard input of the last command. */
  readonly text?: string
  readonly why: string
}

const HASH = ['create', 's', 'hash:ip', 'skbinfo', 'initval', '5']
const PORT = ['create', 's', 'hash:ip,port', 'initval', '5']
const MAC = ['create', 's', 'bitmap:ip,mac', 'range', '10.9.0.0/24']

export const deviations: readonly SetCommandDeviation[] = [
  {
    lines: /skbmark (?!0x[\da-f]{1,8}(?:\/0x[\da-f]{1,8})?(?: |$))0x/i,
    what: ['status', 'stderr'],
    shown: [HASH, ['add', 's', '10.9.0.1', 'skbmark', '0x10/junk']],
    why: 'the tool leaves out what it cannot read of a mark or its mask, and takes the other bits of one that is too long',
  },
  {
    lines: /skbprio (?!(?:0x)?[\da-f]{1,4}:(?:0x)?[\da-f]{1,4}(?: |$))[ -]?[\dxa-f]+:[\da-f]/i,
    what: ['status', 'stderr'],
    shown: [HASH, ['add', 's', '10.9.0.1', 'skbprio', '10000:1']],
    why: 'the tool cuts a class off that is too long, and what follows it',
  },
  {
    lines: /^(?:-exist )?test \S+ \S*[\d\]](?:\/\S+|-\S)/,
    what: ['status', 'stderr'],
    shown: [HASH, ['add', 's', '10.9.0.0'], ['test', 's', '10.9.0.0/24']],
    why: 'the tool tests the first address of a network or range where it takes one, and says that all of it is in the set',
  },
  {
    lines: /^(?:-exist )?(?:add|del|test) \S+ (?:\S*,)?[\w.:[\]]+\/(?:32|128|0x20|040)(?:,|$| )/,
    what: ['status', 'stderr'],
    shown: [MAC, ['add', 's', '10.9.0.1/32']],
    why: 'one address is one, whatever the length says: of some types the tool says that this is a range, or a bug of its own',
  },
  {
    lines: /,(?:[^,]*:$|\s)[^,]*(?: |$)/,
    what: ['status', 'stderr'],
    shown: [MAC, ['add', 's', '10.9.0.1,1:2:3:4:5:']],
    why: 'a byte of an address that is missing is none; the tool makes 0 of it',
  },
  {
    lines: /physdev:(?: |$)/,
    what: ['status', 'stderr'],
    shown: [
      ['create', 's', 'hash:net,iface'],
      ['add', 's', '10.9.0.1,physdev:'],
    ],
    why: 'no interface has an empty name',
  },
  {
    lines: /(?:icmp|,(?:1|58):)\S* .*(?:foo|before|after|wildcard|nomatch|\w+)$/i,
    what: ['status', 'stderr'],
    shown: [PORT, ['add', 's', '10.9.0.1,icmpv6:ping', 'foo']],
    why: 'of an ICMP of the other family and a word that has no place, the first is said',
  },
  {
    lines: /icmp|,(?:1|58):/i,
    what: ['stderr'],
    shown: [PORT, ['add', 's', '10.9.0.1,icmpv6:ping']],
    why: 'where ICMP is of the other family, the tool goes on that a name is missing',
  },
  {
    lines: /^(?:-exist )?test .*(?:before|after|physdev:)/,
    what: ['stderr'],
    shown: [
      ['create', 'one', 'hash:ip'],
      ['create', 's', 'list:set'],
      ['add', 's', 'one'],
      ['test', 's', 'one', 'before', 'one'],
    ],
    why: 'the tool says after where it was told before, and nothing of physdev',
  },
  {
    lines: /forceadd/,
    what: ['stdout'],
    shown: [['create', 's', 'hash:ip', 'forceadd', 'initval', '5'], ['save']],
    why: 'the tool says nothing of forceadd, so that what is restored is another set',
  },
  {
    lines: /(?:icmp|\b1|\b58):\S*(?:-\S*)? ?$/,
    what: ['status', 'stderr'],
    shown: [
      ['create', 's', 'bitmap:port', 'range', '0-9'],
      ['add', 's', 'icmp:5'],
    ],
    why: 'the tool dies of ICMP where a set has ports alone',
  },
  {
    lines: /""/,
    what: ['status', 'stderr'],
    shown: [['create', '', 'hash:ip']],
    why: 'the tool makes a set without a name, which no text restores',
  },
  {
    lines: /xml/,
    what: ['stdout'],
    shown: [
      ['create', 's', 'hash:ip', 'comment', 'initval', '5'],
      ['add', 's', '10.9.0.1', 'comment', '<&'],
      ['list', '-o', 'xml'],
    ],
    why: 'the tool writes comments and names as they are, which is no XML',
  },
  {
    lines: /-o json/,
    what: ['status', 'stdout', 'stderr'],
    shown: [['-o', 'json', 'list']],
    why: 'JSON came with later versions; ours has their shape, and was not compared with them',
  },
  {
    lines: /,(?:\+|0x)?0+:/,
    what: ['status', 'stderr'],
    shown: [PORT, ['add', 's', '10.9.0.1,0:0', 'foo']],
    why: 'that no protocol has the number 0 is said where it is read, and not by the kernel',
  },
  {
    lines: /\ball:|\bmh:|\bipv6-mh:/,
    what: ['status', 'stderr'],
    shown: [PORT, ['add', 's', '10.9.0.1,mh:0']],
    why: 'names of protocols that every other applet knows',
  },
  {
    lines: /^(?:list|save) -s$/,
    what: ['stdout'],
    shown: [
      ['create', 's', 'hash:ip', 'family', 'inet6', 'initval', '5'],
      ['add', 's', '::10'],
      ['add', 's', '::a'],
      ['save', '-s'],
    ],
    why: 'addresses are sorted as numbers, and what has one address in an order of ours: that of the tool follows no rule that was found',
  },
  {
    lines: /^restore unclosed$/,
    what: ['status', 'stderr'],
    shown: [['create', 's', 'hash:ip', 'comment', 'initval', '5'], ['restore']],
    text: 'add s 10.9.0.1 comment "a" "b c\n',
    why: 'the tool leaves out what stands behind a quote that is not closed',
  },
  {
    lines: /^restore test$/,
    what: ['status', 'stderr'],
    shown: [['create', 's', 'hash:ip', 'initval', '5'], ['restore']],
    text: 'add s 10.9.0.1\ntest s 10.9.0.1\ntest s 10.9.0.9\nadd s 10.9.0.2\n',
    why: 'the tool stops at the second test that it makes, says nothing and ends with 0',
  },
  {
    lines: /^restore interactive$/,
    what: ['status', 'stdout', 'stderr'],
    shown: [['create', 's', 'hash:ip', 'initval', '5'], ['restore']],
    text: '-\nadd s 10.9.0.2\n',
    why: 'the tool makes a dialogue of the rest of the text',
  },
  {
    lines: /^-f \/nope restore$/,
    what: ['stderr'],
    shown: [['-f', '/nope', 'restore']],
    why: 'the tool ends with 255 where it cannot read a file, and does not say why',
  },
]
