/** What compiles and what does not. Only the compiler checks this file. It is never run. */
import { Chain, easy, IpSet, Match, MemoryKernel, Policy, Rule, Rule6, Table, Table6, Target } from '../../src/index'

const rule = new Rule()
const table = new Table(Table.FILTER, { kernel: new MemoryKernel() })

// Matches

const tcp = rule.createMatch('tcp')
tcp.dport = '80'
tcp.dport = '!80:90'
tcp.dport = 80
tcp.dport = undefined
tcp.destinationPort = 'https'
tcp.syn = true
tcp.syn = '!'
tcp.syn = '1'
tcp.syn = 'true'
tcp.setParameter('syn')
tcp.tcpFlags = ['SYN,ACK', 'SYN']
tcp.tcpFlags = 'SYN,ACK SYN'
new Match(rule, 'set').matchSet = ['blacklist', 'src']
new Match(rule, 'iprange').srcRange = '10.0.0.1-10.0.0.9'
new Match(new Rule6(), 'icmp6').icmpv6Type = 'echo-request'

// @ts-expect-error misspelt
tcp.dprot = '80'
// @ts-expect-error misspelt
tcp.dport_ = '80'
// @ts-expect-error a port is not a list
tcp.dport = ['80', '90']
// @ts-expect-error a port is not a boolean
tcp.dport = true
// @ts-expect-error a port is not an object
tcp.dport = { from: 80, to: 90 }
// @ts-expect-error null is not undefined
tcp.dport = null
// @ts-expect-error a flag is not a number
tcp.syn = 1
// @ts-expect-error assign undefined to remove a flag
tcp.syn = '0'
// @ts-expect-error assign undefined to remove a flag
tcp.syn = 'false'
// @ts-expect-error delete would have no effect: assign undefined to remove a flag
delete tcp.syn
// @ts-expect-error two lists, not one
tcp.tcpFlags = ['SYN']
// @ts-expect-error belongs to another match
tcp.state = 'NEW'
// @ts-expect-error the parameters are a copy
tcp.parameters['dport'] = '22'
// @ts-expect-error the parameters are a copy
tcp.getAllParameters()['dport'] = ['22']
// @ts-expect-error an explicit undefined does not mean all chains
new Table('filter').flushEntries(undefined)
// @ts-expect-error the name of a match does not change
tcp.name = 'udp'
// @ts-expect-error a set has a name
new Match(rule, 'set').matchSet = 5
// @ts-expect-error misspelt, in a match without aliases
new Match(rule, 'comment').coment = 'x'
// @ts-expect-error misspelt, in a match without aliases
rule.createMatch('state').stat = 'NEW'

/** A name that is only known at run time. */
declare const name: string
const some = rule.createMatch(name)
some.setParameter('dport', '80')
some.parameters['dport'] satisfies string | true | undefined
// @ts-expect-error it may be any match
some.dport = '80'

// Targets

const masquerade = rule.createTarget('MASQUERADE')
masquerade.toPorts = '1234'
masquerade.random = true
masquerade.randomFully = ''
new Target(rule, 'MARK').setMark = '0xffff'
new Target(rule, 'MARK').setXmark = 1
new Target(rule, 'REJECT').rejectWith = 'tcp-reset'
rule.createTarget('own', { goto: true })
rule.target = new Target(rule, 'ACCEPT')
rule.target = undefined

// @ts-expect-error misspelt
masquerade.toPort = '1234'
// @ts-expect-error wrong type
masquerade.toPorts = false
// @ts-expect-error wrong type
masquerade.random = 'yes'
// @ts-expect-error a verdict has no parameters
rule.createTarget('ACCEPT').toPorts = '1234'
// @ts-expect-error misspelt
rule.createTarget('own', { gotoo: true })
// @ts-expect-error a target is an object
rule.target = 'ACCEPT'
// @ts-expect-error a match is not a target
rule.target = tcp
// @ts-expect-error misspelt
rule.createTarget('LOG').logPrefx = 'x'

// Rules

rule.src = '10.0.0.0/8'
rule.src = undefined
rule.protocol = 'tcp'
rule.protocol = 6
rule.fragment = '!'
rule.counters = [1, 2n]
rule.getCounters() satisfies readonly [bigint, bigint]
Rule.parse('-j ACCEPT') satisfies Rule

// @ts-expect-error misspelt
rule.sorce = '10.0.0.0/8'
// @ts-expect-error an address is text
rule.src = 10
// @ts-expect-error only true, false or 'others'
rule.fragment = 'yes'
// @ts-expect-error both packets and bytes are required
rule.counters = [1]
// @ts-expect-error counters are read as bigint
rule.counters[0] satisfies number
// @ts-expect-error the list is read-only
rule.matches.push(tcp)

// Tables and chains

const chain = new Chain(table, 'INPUT')
chain.appendRule(rule)
chain.insertRule(Rule.parse('-j DROP'), 1)
chain.setPolicy('DROP', [1n, 2])
chain.setPolicy(Policy.ACCEPT)
table.transaction((same) => same.createChain('own')) satisfies Chain
table.transactionAsync(async () => 5) satisfies Promise<number>
new Table6('filter', { namespace: 'blue', autocommit: false, lockTimeoutMs: 1000 })

// @ts-expect-error misspelt
new Table('filter', { autocomit: false })
// @ts-expect-error misspelt
table.autocomit = false
// @ts-expect-error not a policy
chain.setPolicy('RETURN')
// @ts-expect-error text is not a rule
chain.appendRule('-j DROP')
// @ts-expect-error the name changes with rename
chain.name = 'other'
// @ts-expect-error a family is not an option of a table
new Table('filter', { ipv6: true })

// Dictionaries

easy.addRule('filter', 'INPUT', { protocol: 'tcp', tcp: { dport: '22' }, target: 'ACCEPT' })
easy.addRule('filter', 'INPUT', { protocol: 'tcp', tcp: { dport: ['!', '22'] }, target: { goto: 'own' } }, 1)
easy.addRule('filter', 'INPUT', { in_interface: 'eth0', target: { REJECT: { rejectWith: 'tcp-reset' } } })
easy.addRule('nat', 'POSTROUTING', { outInterface: 'eth0', target: { MASQUERADE: { 'to-ports': '1-2' } } }, 0, {
  ipv6: true,
  namespace: 'blue',
})
// @ts-expect-error a copy: adding to it would not change the table
new Chain(table, 'INPUT').rules.push(rule)
// @ts-expect-error the same
table.chains.pop()
// @ts-expect-error counters can only be set as a whole
rule.counters[0] = 1n

for (const dumped of easy.dumpChain('filter', 'INPUT')) easy.addRule('filter', 'OUTPUT', dumped)

// @ts-expect-error misspelt
easy.addRule('filter', 'INPUT', { protcol: 'tcp', target: 'ACCEPT' })
// @ts-expect-error misspelt
easy.addRule('filter', 'INPUT', { protocol: 'tcp', tcp: { dprot: '22' } })
// @ts-expect-error misspelt
easy.addRule('filter', 'INPUT', { target: { MASQUERADE: { 'to-port': '1-2' } } })
// @ts-expect-error wrong type
easy.addRule('filter', 'INPUT', { protocol: 'tcp', tcp: { dport: { from: 22 } } })
// @ts-expect-error no such option
easy.addRule('filter', 'INPUT', { target: 'ACCEPT' }, 0, { ip6: true })
// @ts-expect-error not a policy
easy.setPolicy('filter', 'INPUT', 'RETURN')

// Sets

const addresses = IpSet.create('a', 'hash:ip', { timeout: 60, family: 'ipv6', netmask: 64 })
addresses.add('::1')
addresses.add(['::1', { ip: '::2', timeout: 5, packets: 3n, bytes: 4, comment: 'x', skbmark: [1, 2] }])
addresses.list() satisfies { ip: string; timeout?: number; packets?: bigint }[]
IpSet.create('b', 'bitmap:port', { range: [0, 1024] }).add([80, { port: [90, 99] }])
IpSet.open('c', 'hash:ip,port').add({ ip: '10.0.0.1', port: 53, protocol: 'udp' })
IpSet.open('d').add({ net: '10.0.0.0/8', nomatch: true })
IpSet.create('e', 'list:set').add(['a', { set: 'b', before: 'a' }])
IpSet.create('f', 'bitmap:ip,mac', { range: '10.0.0.0/24' }).add([{ ip: '10.0.0.1' }, '10.0.0.2'])

// @ts-expect-error a bitmap needs a range
IpSet.create('g', 'bitmap:port')
// @ts-expect-error a bitmap has no hash size
IpSet.create('g', 'bitmap:port', { range: [0, 1], hashsize: 64 })
// @ts-expect-error a bitmap has no family
IpSet.create('g', 'bitmap:ip', { range: '10.0.0.0/24', family: 'ipv6' })
// @ts-expect-error no such type
IpSet.create('g', 'hash:port')
// @ts-expect-error not supported by this type
addresses.add({ ip: '::1', nomatch: true })
// @ts-expect-error the protocol is missing
IpSet.open('c', 'hash:ip,port').add({ ip: '10.0.0.1', port: 53 })
// @ts-expect-error more than one part is required
IpSet.open('c', 'hash:ip,port').add('10.0.0.1')
// @ts-expect-error an address is not a number
addresses.add(5)
// @ts-expect-error the kernel does not return it
IpSet.open('e', 'list:set').list()[0]?.before
