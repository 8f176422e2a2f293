/** python-iptables, if it is installed. Each program prints its time without the start of Python. */
import { spawnSync } from 'node:child_process'
import type { Stage } from './stage'

/** Debian's python3-iptables belongs to this one. */
const PYTHON = '/usr/bin/python3'

const program = (body: string): string => `
import sys, time, iptc, iptc.easy
six = sys.argv[1] == 'ipv6'
iptc.easy.get_tables(ipv6=six)
def chain():
    table = (iptc.Table6 if six else iptc.Table)('filter')
    return iptc.Chain(table, 'INPUT')
def rule(port):
    one = (iptc.Rule6 if six else iptc.Rule)()
    one.protocol = 'tcp'
    one.create_match('tcp').dport = port
    one.target = iptc.Target(one, 'DROP')
    return one
start = time.perf_counter()
${body}
print((time.perf_counter() - start) * 1000)
`

const PROGRAMS = {
  append:
    "one = rule('22'); chain().append_rule(one); took = time.perf_counter(); chain().delete_rule(one); start += time.perf_counter() - took",
  dump: "iptc.easy.dump_table('filter', ipv6=six)",
  iterate: 'for one in chain().rules: (one.src, one.protocol, [m.dport for m in one.matches if m.name == "tcp"])',
}

export const hasPython = (): boolean => spawnSync(PYTHON, ['-c', 'import iptc']).status === 0

export const python = (stage: Stage, name: keyof typeof PROGRAMS) => (): number =>
  Number(stage.run(PYTHON, ['-c', program(PROGRAMS[name]), stage.family]).stdout)
