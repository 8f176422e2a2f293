/** Intended differences between our commands and those of 1.8.9. A test fails if one no longer applies. */
export interface CommandDeviation {
  readonly what: readonly ('status' | 'stdout' | 'stderr')[]
  readonly lines: RegExp
  readonly why: string
}

export const commandDeviations: readonly CommandDeviation[] = [
  {
    what: ['stderr'],
    lines: /^(?:-v )?-[CD] INPUT .*-[jg] (?:u|LOG)$/,
    why: 'where there is no such rule, 1.8.9 says so only of rules without such a target',
  },
  {
    what: ['status', 'stderr'],
    lines: /-c (?:-1|99999999999999999999) /,
    why: '1.8.9 makes other numbers of those that the kernel cannot count to',
  },
  {
    what: ['status', 'stderr'],
    lines: /--jump=|--in-interface=|--proto=|-ptcp|-jDROP/,
    why: '1.8.9 cannot read a value right behind these options; later ones can',
  },
  {
    what: ['status', 'stderr'],
    lines: /-i (?:"a b"|"a\tb"|a\/b)/,
    why: 'no interface has such a name: 1.8.9 only warns, or says nothing of a tab',
  },
  {
    what: ['status', 'stderr'],
    lines: /! -[46MwW]/,
    why: 'nothing can negate these options: 1.8.9 leaves the ! out',
  },
  {
    what: ['status', 'stderr'],
    lines: /-[sd] (?:foo)?\/0/,
    why: 'a name that nobody knows is an error, also where a mask of 0 follows; 1.8.9 takes it for any address',
  },
  {
    what: ['status', 'stderr'],
    lines: /-[sd] (?:" 1\.2\.3\.4"|\+1\.2\.3\.4|" ::1")/,
    why: 'an address holds no blank and no sign',
  },
  {
    what: ['status', 'stderr'],
    lines: /(?:-c|--set-counters) \d+,\d+,/,
    why: 'a third number: 1.8.9 leaves it out',
  },
  {
    what: ['stderr'],
    lines: /-m (?:comment|state)$/,
    why: 'what a match or target lacks is said with its kind, and with every spelling of the option',
  },
  {
    what: ['status', 'stderr'],
    lines: /^-E u (?:LOG|"a b"|12345678901234567890123456789|"")$/,
    why: '1.8.9 gives a chain any name, and the next command cannot name it, nor iptables-restore read it',
  },
  { what: ['stderr'], lines: /^-t \d{34} /, why: 'there is no such table, whatever the length of its name' },
  {
    what: ['stderr'],
    lines: /^-A INPUT (?:--dport[ =]80|-p tcp --s 80|-p tcp -m tcp --syn=1)/,
    why: 'what has an unknown option, or is spelled like it, is said as well',
  },
  { what: ['stderr'], lines: / -b$/, why: 'an option that 1.8.9 knows and does not: it says (null)' },
  { what: ['status', 'stderr'], lines: /-j standard$/, why: 'a name that 1.8.9 has for itself; no chain or target' },
  { what: ['stderr'], lines: /-j INPUT$/, why: 'we know the reason, and the kernel has not been asked' },
  { what: ['stderr'], lines: /-m nope$/, why: 'no file is looked for, and we can say which matches there are' },
]

export const explained = (what: string, line: string): CommandDeviation | undefined =>
  commandDeviations.find((one) => one.what.some((kind) => kind === what) && one.lines.test(line))

/** An input that iptables-xml turns into malformed XML, or into a different rule. */
export interface XmlDeviation {
  /** Whether we refuse it or print something else. */
  readonly what: 'refused' | 'text'
  readonly lines: RegExp
  /** An input that shows the difference. */
  readonly text: string
  readonly why: string
}

const inTable = (line: string): string => `*filter\n:INPUT ACCEPT [0:0]\n${line}\nCOMMIT\n`

export const xmlDeviations: readonly XmlDeviation[] = [
  {
    what: 'refused',
    lines: /\0/,
    text: inTable('-A INPUT -j LOG\0'),
    why: 'text behind a NUL byte is not there for 1.8.9',
  },
  {
    what: 'refused',
    lines: /^-A nowhere /m,
    text: inTable('-A nowhere -j LOG'),
    why: 'a rule of a chain that no line names: 1.8.9 does not close what it opens, and its output is no XML',
  },
  {
    what: 'refused',
    lines: /^(?:\[.*\] *)?-A INPUT (?:extra |"-j" )|-j DROP extra$/m,
    text: inTable('-A INPUT extra -j LOG'),
    why: 'a word that belongs to no option: 1.8.9 prints it between the elements, or leaves it out',
  },
  { what: 'refused', lines: / ! -j /, text: inTable('-A INPUT ! -j LOG'), why: '1.8.9 leaves out the negation' },
  { what: 'refused', lines: / -j [A-Z]+ -j /, text: inTable('-A INPUT -j LOG -j DROP'), why: 'a rule has one target' },
  {
    what: 'refused',
    lines: / -[jm]$/m,
    text: inTable('-A INPUT -m'),
    why: 'an option without its word: 1.8.9 leaves it out',
  },
  {
    what: 'refused',
    lines: / -(?: -j| x|- x)/,
    text: inTable('-A INPUT - x'),
    why: 'an element without a name is no XML',
  },
  {
    what: 'refused',
    lines: /"(?:a"b|open$)/m,
    text: inTable('-A INPUT -m comment --comment "open'),
    why: 'a quote that ends within a word, or never: 1.8.9 makes other words of it',
  },
  {
    what: 'refused',
    lines: /^-t filter -A/m,
    text: inTable('-t filter -A INPUT -j LOG'),
    why: 'a rule begins with -A and its chain: 1.8.9 takes the second word for the chain, whatever the first is',
  },
  {
    what: 'text',
    lines: /"(?:-|! -)/,
    text: inTable('-A INPUT -m comment --comment "-x" -j LOG'),
    why: '1.8.9 takes a word in quotes that begins with a hyphen from its option, and prints it behind',
  },
  {
    what: 'text',
    lines: /^:\S+ \S+$/m,
    text: '*filter\n:INPUT ACCEPT [1:2]\n:FORWARD ACCEPT\nCOMMIT\n',
    why: '1.8.9 gives a policy without counters those of the line before',
  },
  {
    what: 'text',
    lines: /^(?!COMMIT|#).*\n\* ?\w/m,
    text: `${inTable('-A INPUT -s 1 -j LOG').replace('COMMIT', '*nat')}:INPUT ACCEPT [0:0]\n-A INPUT -s 1 -j LOG\nCOMMIT\n`,
    why: 'with -c, 1.8.9 combines the first rule of a table in a table with the last before it',
  },
]

/** The deviation that explains a difference for an input, if any. */
export const explainedXml = (what: XmlDeviation['what'], text: string): XmlDeviation | undefined =>
  xmlDeviations.find((one) => one.what === what && one.lines.test(text))

/**
 * A text that only one of iptables-restore and our command accepts. Each has its case in restore-cases.json, which
 * fails if it no longer applies.
 */
export interface RestoreDeviation {
  /** Matches an input with this difference: the options, a line break, and the text. */
  readonly lines: RegExp
  readonly taken: boolean
  readonly why: string
}

export const restoreDeviations: readonly RestoreDeviation[] = [
  { lines: /^-[hV]$/m, taken: false, why: '1.8.9 answers, and drops the rest of the text without a word' },
  { lines: /COMMIT$(?!\n)/, taken: true, why: 'a text without its last line break is complete all the same' },
  { lines: / {10000}/, taken: true, why: '1.8.9 cuts a line behind some ten thousand bytes' },
  {
    lines: /^-E x (?:LOG|"a b")$/m,
    taken: false,
    why: 'as the command: no later command could name such a chain',
  },
  { lines: /"x$/m, taken: false, why: 'a quote that is never closed' },
  {
    lines: /\r$/m,
    taken: false,
    why: 'a carriage return at the end of a line is refused as such, not as what it makes of a word',
  },
  {
    lines: /(?:^\[.*\] *-|-c \d|--set-counters)[\s\S]*^-Z/m,
    taken: true,
    why: '-Z behind a rule with counters: 1.8.9 passes over it',
  },
]

export const explainedRestore = (text: string, options: readonly string[]): RestoreDeviation | undefined =>
  restoreDeviations.find(({ lines }) => lines.test(`${options.join(' ')}\n${text}`))

/**
 * A message of iptables-restore that differs from ours although the exit status is the same: the start of ours if
 * theirs starts otherwise.
 */
export interface MessageDeviation {
  readonly text: string
  readonly ours: string
  readonly theirs: string
  readonly why: string
}

const TITLE = 'iptables-restore v1.8.9 (legacy): '

export const restoreMessages: readonly MessageDeviation[] = [
  {
    text: '*filter\n-A INPUT -p nope\nCOMMIT\n',
    ours: `${TITLE}unknown protocol "nope" specified\nError occurred at line: 2\n  -A INPUT -p nope\nTry `,
    theirs: `${TITLE}unknown protocol "nope" specified\nError occurred at line: 2\nTry `,
    why: 'the line is repeated: it may have been made by a program, and be in no file',
  },
  {
    text: '*filter\n-D INPUT 9\nCOMMIT\n',
    ours: 'iptables-restore: line 2 failed: ',
    theirs: 'iptables-restore: line 2 failed\n',
    why: 'the reason is told, where 1.8.9 names the line alone',
  },
  {
    text: '*filter\n-A INPUT -m tcp --dport 22\n-A INPUT\nCOMMIT\n',
    ours: 'iptables-restore: line 2 failed: ',
    theirs: 'iptables-restore: line 4 failed\n',
    why: 'a refusal of the kernel is of the line that made the rule, where 1.8.9 names that of COMMIT',
  },
  {
    text: '*filter\n:INPUT FOO\nCOMMIT\n',
    ours: "iptables-restore: line 2 failed: Can't set policy `FOO' on `INPUT': Bad policy name\n  :INPUT FOO\n",
    theirs: `${TITLE}Can't set policy \`FOO' on \`INPUT' line 2: Bad policy name\n`,
    why: 'one form for every line that fails',
  },
  {
    text: '*filter\n:x ACCEPT\nCOMMIT\n',
    ours: "iptables-restore: line 2 failed: Can't set policy `ACCEPT' on `x': Bad built-in chain name\n",
    theirs: `${TITLE}Can't set policy \`ACCEPT' on \`x' line 2: Bad built-in chain name\n`,
    why: 'the same',
  },
  {
    text: '*filter\n:x -\n:x -\nCOMMIT\n',
    ours: `${TITLE}error creating chain 'x': File exists\nError occurred at line: 3\n`,
    theirs: `${TITLE}error creating chain 'x':File exists\nError occurred at line: 3\n`,
    why: 'a blank between',
  },
  {
    text: '*filter\n:ACCEPT -\nCOMMIT\n',
    ours: `${TITLE}error creating chain 'ACCEPT': it is a verdict\n`,
    theirs: `${TITLE}error creating chain 'ACCEPT':File exists\n`,
    why: 'there is no such chain, and yet the name is taken',
  },
  {
    text: '*filter\n:x\nCOMMIT\n',
    ours: `${TITLE}policy invalid\nError occurred at line: 2\n`,
    theirs: `${TITLE}iptables-restore: line 2 policy invalid\nError occurred at line: 2\n`,
    why: 'the program and the line are named once',
  },
  {
    text: '*filter\n:\nCOMMIT\n',
    ours: `${TITLE}chain name invalid\nError occurred at line: 2\n`,
    theirs: `${TITLE}iptables-restore: line 2 chain name invalid\nError occurred at line: 2\n`,
    why: 'the same',
  },
  {
    text: '*filter\n:x -\n-E x ACCEPT\nCOMMIT\n',
    ours: 'iptables-restore: line 3 failed: ACCEPT is a verdict, and no name of a chain\n',
    theirs: 'iptables-restore: line 3 failed\n',
    why: 'the reason is told, where 1.8.9 names the line alone',
  },
  {
    text: '*filter\n-A INPUT -p tcp --dport x --nosuch\nCOMMIT\n',
    ours: `${TITLE}unknown option "--nosuch"\n`,
    theirs: `${TITLE}invalid port/service \`x' specified\n`,
    why: 'options are told apart before their values are read: of two faults, the other is told',
  },
  {
    text: '*filter\n',
    ours: 'iptables-restore: line 2 failed: COMMIT expected',
    theirs: 'iptables-restore: COMMIT expected at line 2\n',
    why: 'one form for every line that fails',
  },
  {
    text: '*filter\n[1:2 -A INPUT\nCOMMIT\n',
    ours: `${TITLE}need ]\n`,
    theirs: `${TITLE}Bad line 2: need ]\n`,
    why: 'the number of the line follows anyway',
  },
  {
    text: '*nope\nCOMMIT\n',
    ours: `${TITLE}there is no table "nope"; `,
    theirs: `${TITLE}iptables-restore: unable to initialize table 'nope'\n`,
    why: 'we say which tables there are; and of one that may not be read, that one must be root',
  },
]
