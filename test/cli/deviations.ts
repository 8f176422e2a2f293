/** Where our commands differ from those of 1.8.9 on purpose. A test fails when one no longer applies. */
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
    lines: /--jump=|--in-interface=|-ptcp|-jDROP/,
    why: '1.8.9 cannot read a value right behind these options; later ones can',
  },
  { what: ['status', 'stderr'], lines: /-i (?:"a b"|a\/b)/, why: 'no interface has such a name: 1.8.9 only warns' },
  {
    what: ['status', 'stderr'],
    lines: /^-E u (?:LOG|"a b"|12345678901234567890123456789|"")$/,
    why: '1.8.9 gives a chain any name, and the next command cannot name it, nor iptables-restore read it',
  },
  { what: ['stderr'], lines: /^-t \d{34} /, why: 'there is no such table, whatever the length of its name' },
  { what: ['stderr'], lines: / -b$/, why: 'an option that 1.8.9 knows and does not: it says (null)' },
  { what: ['status', 'stderr'], lines: /-j standard$/, why: 'a name that 1.8.9 has for itself; no chain or target' },
  { what: ['stderr'], lines: /-j INPUT$/, why: 'we know the reason, and the kernel has not been asked' },
  { what: ['stderr'], lines: /-m nope$/, why: 'no file is looked for, and we can say which matches there are' },
]

export const explained = (what: string, line: string): CommandDeviation | undefined =>
  commandDeviations.find((one) => one.what.some((kind) => kind === what) && one.lines.test(line))
