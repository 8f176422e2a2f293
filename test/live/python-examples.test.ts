/**
 * The examples in the documentation of python-iptables, in TypeScript. Each runs on the live kernel in one new network
 * namespace, and equivalent commands in another. All tables must be listed in the same way.
 */
import {
  Chain,
  ConflictError,
  easy,
  Match,
  NotFoundError,
  Policy,
  Rule,
  Rule6,
  RuleError,
  Table,
  Table6,
  type TableOptions,
  Target,
  XtablesError,
} from '../../src/index'
import { everything, keep, newNamespace, run } from './legacy'

/** A network namespace, as an example uses it. */
class Place {
  readonly namespace = newNamespace()

  table(name: string, options: TableOptions = {}): Table {
    return keep(new Table(name, { namespace: this.namespace, ...options }))
  }

  table6(name: string): Table6 {
    return keep(new Table6(name, { namespace: this.namespace }))
  }

  /** Options for functions of `easy`. */
  get at() {
    return { namespace: this.namespace }
  }

  chain(name: string, table: string = Table.FILTER): Chain {
    return new Chain(this.table(table), name)
  }

  run(...commands: readonly string[]): string {
    return run(this.namespace, ...commands)
  }
}

interface Example {
  /** Commands that are run in both before: ipsets, traffic, rules by others. */
  readonly given?: readonly string[]
  /** The equivalent commands. Empty if the example does not change the tables. */
  readonly commands: readonly string[]
  readonly typescript: (place: Place) => void
}

function example(name: string, { given = [], commands, typescript }: Example): void {
  test(name, () => {
    const [ours, theirs] = [new Place(), new Place()]
    for (const place of [ours, theirs]) place.run(...given)
    const before = everything(theirs.namespace)
    typescript(ours)
    theirs.run(...commands)
    const expected = everything(theirs.namespace)
    // An oracle that changes nothing would prove nothing.
    expect(expected !== before).toBe(commands.length > 0)
    expect(everything(ours.namespace)).toBe(expected)
  })
}

describe('rules', () => {
  example('addresses, interface and a verdict', {
    commands: ['iptables-legacy -I INPUT -s 127.0.0.1/255.0.0.0 -i eth+ -j DROP'],
    typescript(place) {
      const rule = new Rule()
      rule.inInterface = 'eth+'
      rule.src = '127.0.0.1/255.0.0.0'
      rule.target = new Target(rule, 'DROP')
      place.chain('INPUT').insertRule(rule)
    },
  })

  example('destination, protocol and outgoing interface', {
    commands: ['iptables-legacy -A OUTPUT -d 10.1.0.0/16 -o eth0 -p udp -j ACCEPT'],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'udp'
      rule.dst = '10.1.0.0/16'
      rule.outInterface = 'eth0'
      rule.createTarget('ACCEPT')
      place.chain('OUTPUT').appendRule(rule)
    },
  })

  example('what a rule reads back', {
    commands: [],
    typescript() {
      const rule = new Rule()
      expect([rule.src, rule.dst, rule.protocol, rule.inInterface, rule.outInterface, rule.fragment]).toEqual([
        ...Array(5).fill(undefined),
        false,
      ])
      rule.src = '192.168.1.0/255.255.255.0'
      rule.protocol = 6
      expect([rule.src, rule.protocol]).toEqual(['192.168.1.0/24', 'tcp'])
    },
  })

  example('negated addresses, protocol and interfaces', {
    commands: ['iptables-legacy -A FORWARD ! -s 10.0.0.0/8 ! -d 172.16.0.1 ! -i lo ! -o eth1 ! -p icmp -j DROP'],
    typescript(place) {
      const rule = new Rule()
      rule.src = '!10.0.0.0/8'
      rule.dst = '! 172.16.0.1'
      rule.inInterface = '!lo'
      rule.outInterface = '!eth1'
      rule.protocol = '!icmp'
      rule.createTarget('DROP')
      place.chain('FORWARD').appendRule(rule)
      const [stored] = place.chain('FORWARD').rules
      expect(stored).toMatchObject({ src: '!10.0.0.0/8', dst: '!172.16.0.1/32', inInterface: '!lo', protocol: '!icmp' })
    },
  })

  example('fragments', {
    commands: ['iptables-legacy -A INPUT -f -j DROP', 'iptables-legacy -A INPUT ! -f -j ACCEPT'],
    typescript(place) {
      const further = new Rule()
      further.fragment = true
      further.createTarget('DROP')
      const others = new Rule()
      others.fragment = '!'
      others.createTarget('ACCEPT')
      for (const rule of [further, others]) place.chain('INPUT').appendRule(rule)
      expect(place.chain('INPUT').rules.map(({ fragment }) => fragment)).toEqual([true, '!'])
    },
  })

  example('a rule that only counts', {
    commands: ['iptables-legacy -A INPUT -s 10.9.8.7'],
    typescript(place) {
      const rule = new Rule()
      rule.src = '10.9.8.7'
      place.chain('INPUT').appendRule(rule)
      expect(place.chain('INPUT').rules[0]?.target).toBeUndefined()
    },
  })

  example('the same rule from its text', {
    commands: ['iptables-legacy -A INPUT -p tcp -m tcp --dport 22 -m comment --comment "way in" -j ACCEPT'],
    typescript(place) {
      const rule = Rule.parse('-p tcp --dport 22 -m comment --comment "way in" -j ACCEPT')
      place.chain('INPUT').appendRule(rule)
      expect(String(rule)).toBe('-p tcp -m tcp --dport 22 -m comment --comment "way in" -j ACCEPT')
    },
  })
})

describe('matches', () => {
  example('tcp', {
    commands: ['iptables-legacy -I INPUT -p tcp -m tcp --dport 80 -j ACCEPT'],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'tcp'
      const match = new Match(rule, 'tcp')
      match.dport = '80'
      rule.addMatch(match)
      rule.target = new Target(rule, 'ACCEPT')
      place.chain('INPUT').insertRule(rule)
    },
  })

  example('tcp: port ranges, negation and flags', {
    commands: [
      'iptables-legacy -A INPUT -p tcp -m tcp ! --sport 1024:65535 --dport 80:90 ' +
        '--tcp-flags FIN,SYN,RST,ACK SYN --tcp-option 7 -j DROP',
      'iptables-legacy -A INPUT -p tcp -m tcp ! --syn -j DROP',
    ],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'tcp'
      const match = rule.createMatch('tcp')
      match.sport = '!1024:65535'
      match.dport = '80:90'
      match.tcpFlags = ['FIN,SYN,RST,ACK', 'SYN']
      match.tcpOption = 7
      rule.createTarget('DROP')
      place.chain('INPUT').appendRule(rule)
      const second = new Rule()
      second.protocol = 'tcp'
      second.createMatch('tcp').syn = '!'
      second.createTarget('DROP')
      place.chain('INPUT').appendRule(second)
    },
  })

  example('state', {
    commands: ['iptables-legacy -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT'],
    typescript(place) {
      const rule = new Rule()
      const match = rule.createMatch('state')
      match.state = 'RELATED,ESTABLISHED'
      rule.createTarget('ACCEPT')
      place.chain('INPUT').appendRule(rule)
    },
  })

  example('iprange together with udp', {
    commands: [
      'iptables-legacy -I INPUT -p udp -m iprange --src-range 192.168.1.100-192.168.1.200 ' +
        '--dst-range 172.22.33.106-172.22.33.106 -m udp --dport 53 -j DROP',
    ],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'udp'
      const range = new Match(rule, 'iprange')
      range.srcRange = '192.168.1.100-192.168.1.200'
      range.dstRange = '172.22.33.106-172.22.33.106'
      rule.addMatch(range)
      const udp = new Match(rule, 'udp')
      udp.dport = '53'
      rule.addMatch(udp)
      rule.target = rule.createTarget('DROP')
      place.chain('INPUT').insertRule(rule)
    },
  })

  example('iprange with a single address, which python-iptables shows', {
    commands: ['iptables-legacy -A INPUT -m iprange --dst-range 172.22.33.106 -j DROP'],
    typescript(place) {
      const rule = new Rule()
      rule.createMatch('iprange').dstRange = '172.22.33.106'
      rule.createTarget('DROP')
      place.chain('INPUT').appendRule(rule)
    },
  })

  example('comment', {
    commands: [
      'iptables-legacy -I INPUT -s 127.0.0.1 -p udp -m comment --comment "this is a test comment" -j ACCEPT',
      'iptables-legacy -A INPUT -m comment --comment "it\'s \\"quoted\\""',
    ],
    typescript(place) {
      const rule = new Rule()
      rule.src = '127.0.0.1'
      rule.protocol = 'udp'
      rule.target = rule.createTarget('ACCEPT')
      rule.createMatch('comment').comment = 'this is a test comment'
      place.chain('INPUT').insertRule(rule)
      const second = new Rule()
      second.createMatch('comment').comment = 'it\'s "quoted"'
      place.chain('INPUT').appendRule(second)
    },
  })

  example('a negated hardware address', {
    commands: ['iptables-legacy -A INPUT -m mac ! --mac-source 00:11:22:33:44:55 -j DROP'],
    typescript(place) {
      const rule = new Rule()
      const match = rule.createMatch('mac')
      match.macSource = '!00:11:22:33:44:55'
      rule.createTarget('DROP')
      place.chain('INPUT').appendRule(rule)
      expect(match.macSource).toBe('!00:11:22:33:44:55')
      expect(place.chain('INPUT').rules[0]?.matches[0]?.parameters).toEqual({ macSource: '!00:11:22:33:44:55' })
    },
  })

  example('several matches keep their order', {
    commands: [
      'iptables-legacy -A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -m mark --mark 0x1/0xff ' +
        '-m comment --comment ssh -j ACCEPT',
    ],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'tcp'
      rule.createMatch('state').state = 'NEW'
      rule.createMatch('tcp').dport = 22
      rule.createMatch('mark').mark = '1/0xff'
      rule.createMatch('comment').comment = 'ssh'
      rule.createTarget('ACCEPT')
      place.chain('INPUT').appendRule(rule)
      expect(place.chain('INPUT').rules[0]?.matches.map(({ name }) => name)).toEqual([
        'state',
        'tcp',
        'mark',
        'comment',
      ])
    },
  })

  example('conntrack', {
    commands: [
      'iptables-legacy -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED ! --ctorigsrc 10.0.0.0/8 -j ACCEPT',
    ],
    typescript(place) {
      const rule = new Rule()
      const match = rule.createMatch('conntrack')
      match.ctstate = 'RELATED,ESTABLISHED'
      match.ctorigsrc = '!10.0.0.0/8'
      rule.createTarget('ACCEPT')
      place.chain('INPUT').appendRule(rule)
    },
  })

  example('an ipset', {
    given: ['ipset create other hash:ip', 'ipset create blacklist hash:ip', 'ipset add blacklist 10.0.0.1'],
    commands: [
      'iptables-legacy -I INPUT -m set --match-set blacklist src -j DROP',
      'iptables-legacy -A INPUT -m set ! --match-set other dst -j ACCEPT',
    ],
    typescript(place) {
      const rule = new Rule()
      const match = new Match(rule, 'set')
      match.matchSet = ['blacklist', 'src']
      rule.addMatch(match)
      rule.target = new Target(rule, 'DROP')
      place.chain('INPUT').insertRule(rule)
      const negated = new Rule()
      negated.createMatch('set').matchSet = '!other dst'
      negated.createTarget('ACCEPT')
      place.chain('INPUT').appendRule(negated)
      expect(place.chain('INPUT').rules.map(({ matches }) => matches[0]?.parameters)).toEqual([
        { matchSet: 'blacklist src' },
        { matchSet: '!other dst' },
      ])
    },
  })
})

describe('targets', () => {
  example('MARK in mangle', {
    commands: ['iptables-legacy -t mangle -I PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-mark 0xffff'],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'tcp'
      rule.createMatch('tcp').dport = '80'
      const target = new Target(rule, 'MARK')
      target.setMark = '0xffff'
      rule.target = target
      place.chain('PREROUTING', Table.MANGLE).insertRule(rule)
    },
  })

  example('MASQUERADE in nat', {
    commands: ['iptables-legacy -t nat -I POSTROUTING -o eth0 -p tcp -j MASQUERADE --to-ports 1234'],
    typescript(place) {
      const rule = new Rule()
      rule.protocol = 'tcp'
      rule.outInterface = 'eth0'
      const target = rule.createTarget('MASQUERADE')
      target.toPorts = '1234'
      place.chain('POSTROUTING', Table.NAT).insertRule(rule)
    },
  })

  example('REJECT, LOG and NOTRACK', {
    commands: [
      'iptables-legacy -A INPUT -p tcp -j REJECT --reject-with tcp-reset',
      'iptables-legacy -A INPUT -j LOG --log-prefix "dropped: " --log-level 3',
      'iptables-legacy -t raw -A PREROUTING -j NOTRACK',
    ],
    typescript(place) {
      const reject = new Rule()
      reject.protocol = 'tcp'
      reject.createTarget('REJECT').rejectWith = 'tcp-reset'
      place.chain('INPUT').appendRule(reject)
      const log = new Rule()
      const target = log.createTarget('LOG')
      target.logPrefix = 'dropped: '
      target.logLevel = 3
      place.chain('INPUT').appendRule(log)
      const notrack = new Rule()
      notrack.createTarget('NOTRACK')
      place.chain('PREROUTING', Table.RAW).appendRule(notrack)
    },
  })

  example('a jump and a goto to a chain', {
    commands: [
      'iptables-legacy -N testchain',
      'iptables-legacy -A INPUT -p tcp -j testchain',
      'iptables-legacy -A INPUT -p udp -g testchain',
    ],
    typescript(place) {
      const table = place.table(Table.FILTER)
      table.createChain('testchain')
      const jump = new Rule()
      jump.protocol = 'tcp'
      jump.createTarget('testchain')
      const goto = new Rule()
      goto.protocol = 'udp'
      goto.createTarget('testchain', { goto: true })
      for (const rule of [jump, goto]) new Chain(table, 'INPUT').appendRule(rule)
      expect(place.chain('INPUT').rules.map(({ target }) => [target?.chain, target?.goto])).toEqual([
        ['testchain', false],
        ['testchain', true],
      ])
    },
  })
})

describe('chains and tables', () => {
  example('creating a chain and appending to it', {
    commands: ['iptables-legacy -N testchain', 'iptables-legacy -A testchain -s 10.0.0.1 -j RETURN'],
    typescript(place) {
      const chain = place.table(Table.FILTER).createChain('testchain')
      const rule = new Rule()
      rule.src = '10.0.0.1'
      rule.createTarget('RETURN')
      chain.appendRule(rule)
    },
  })

  example('listing, testing and deleting chains', {
    given: ['iptables-legacy -N one', 'iptables-legacy -N two', 'iptables-legacy -N three'],
    commands: ['iptables-legacy -X one', 'iptables-legacy -X two'],
    typescript(place) {
      const table = place.table(Table.FILTER)
      expect(table.chains.map(String)).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'one', 'three', 'two'])
      expect([table.isChain('one'), table.isChain('four')]).toEqual([true, false])
      expect([table.builtinChain('INPUT'), table.builtinChain('one')]).toEqual([true, false])
      new Chain(table, 'one').delete()
      table.deleteChain('two')
      expect(table.isChain('one')).toBe(false)
    },
  })

  example('flushing a chain, and a table', {
    given: [
      'iptables-legacy -A INPUT -j DROP',
      'iptables-legacy -t nat -N own',
      'iptables-legacy -t nat -A own -j ACCEPT',
    ],
    commands: ['iptables-legacy -F INPUT', 'iptables-legacy -t nat -F', 'iptables-legacy -t nat -X'],
    typescript(place) {
      place.chain('INPUT').flush()
      place.table(Table.NAT).flush()
    },
  })

  example('renaming a chain', {
    given: ['iptables-legacy -N old', 'iptables-legacy -A INPUT -j old'],
    commands: ['iptables-legacy -E old new'],
    typescript: (place) => place.chain('old').rename('new'),
  })

  example('iterating over tables, chains, rules, matches and targets', {
    given: [
      'iptables-legacy -A INPUT -p tcp -m tcp --dport 22 -m comment --comment x -j ACCEPT',
      'iptables-legacy -t nat -A POSTROUTING -o eth0 -j MASQUERADE',
    ],
    commands: [],
    typescript(place) {
      const seen: string[] = []
      for (const name of [Table.FILTER, Table.NAT])
        for (const chain of place.table(name).chains)
          for (const rule of chain.rules) {
            seen.push(`${name} ${chain.name} proto ${rule.protocol} in ${rule.inInterface} out ${rule.outInterface}`)
            for (const match of rule.matches) seen.push(`match ${match.name} ${JSON.stringify(match.parameters)}`)
            seen.push(`target ${rule.target?.name}`)
          }
      expect(seen).toEqual([
        'filter INPUT proto tcp in undefined out undefined',
        'match tcp {"dport":"22"}',
        'match comment {"comment":"x"}',
        'target ACCEPT',
        'nat POSTROUTING proto undefined in undefined out eth0',
        'target MASQUERADE',
      ])
    },
  })

  example('every table there is', {
    commands: [],
    typescript(place) {
      expect(Table.ALL).toEqual(['filter', 'nat', 'mangle', 'raw', 'security'])
      const builtin = Object.fromEntries(Table.ALL.map((name) => [name, place.table(name).chains.map(String)]))
      expect(builtin).toEqual({
        filter: ['INPUT', 'FORWARD', 'OUTPUT'],
        nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
        mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
        raw: ['PREROUTING', 'OUTPUT'],
        security: ['INPUT', 'FORWARD', 'OUTPUT'],
      })
    },
  })

  example('policies', {
    commands: ['iptables-legacy -P FORWARD DROP', 'iptables-legacy -t mangle -P INPUT DROP'],
    typescript(place) {
      const forward = place.chain('FORWARD')
      expect(forward.getPolicy()).toBe(Policy.ACCEPT)
      forward.setPolicy(new Policy('DROP'))
      expect(forward.getPolicy().name).toBe('DROP')
      place.table(Table.MANGLE).setPolicy('INPUT', 'DROP')
    },
  })

  example('a policy with counters', {
    commands: ['iptables-legacy -P INPUT DROP -c 7 700'],
    typescript(place) {
      place.chain('INPUT').setPolicy(Policy.DROP, [7, 700n])
      expect(place.chain('INPUT').getCounters()).toEqual([7n, 700n])
    },
  })

  example('replacing a rule', {
    given: ['iptables-legacy -A INPUT -s 10.0.0.1 -j DROP', 'iptables-legacy -A INPUT -s 10.0.0.2 -j DROP'],
    commands: ['iptables-legacy -R INPUT 2 -s 10.0.0.3 -j ACCEPT'],
    typescript: (place) => place.chain('INPUT').replaceRule(Rule.parse('-s 10.0.0.3 -j ACCEPT'), 1),
  })

  example('inserting at a position', {
    given: ['iptables-legacy -A INPUT -s 10.0.0.1', 'iptables-legacy -A INPUT -s 10.0.0.2'],
    commands: ['iptables-legacy -I INPUT 2 -s 10.0.0.3', 'iptables-legacy -I INPUT 4 -s 10.0.0.4'],
    typescript(place) {
      place.chain('INPUT').insertRule(Rule.parse('-s 10.0.0.3'), 1)
      place.chain('INPUT').insertRule(Rule.parse('-s 10.0.0.4'), 3)
      expect(() => place.chain('INPUT').insertRule(Rule.parse('-s 10.0.0.5'), 5)).toThrow(XtablesError)
    },
  })

  example('deleting rules found by iterating', {
    given: [
      'iptables-legacy -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      'iptables-legacy -A INPUT -i eth0 -j DROP',
      'iptables-legacy -A INPUT -i eth0 -p udp -j ACCEPT -c 5 300',
      'iptables-legacy -A INPUT -j REJECT',
    ],
    commands: ['iptables-legacy -D INPUT 2', 'iptables-legacy -D INPUT 2'],
    typescript(place) {
      const chain = place.chain('INPUT')
      for (const rule of chain.rules) if (rule.inInterface === 'eth0') chain.deleteRule(rule)
    },
  })

  example('deferred edits in several chains are written at once', {
    commands: ['iptables-legacy -N own', 'iptables-legacy -A own -j ACCEPT', 'iptables-legacy -A INPUT -p tcp -j own'],
    typescript(place) {
      const before = everything(place.namespace)
      const table = place.table(Table.FILTER)
      table.autocommit = false
      table.createChain('own').appendRule(Rule.parse('-j ACCEPT'))
      new Chain(table, 'INPUT').appendRule(Rule.parse('-p tcp -j own'))
      expect(new Chain(table, 'INPUT').rules).toHaveLength(1)
      expect(everything(place.namespace)).toBe(before)
      table.commit()
      expect(everything(place.namespace)).not.toBe(before)
      table.autocommit = true
    },
  })

  example('autocommit back on writes, refresh drops', {
    commands: ['iptables-legacy -A INPUT -s 10.0.0.1'],
    typescript(place) {
      const table = place.table(Table.FILTER, { autocommit: false })
      const input = new Chain(table, 'INPUT')
      input.appendRule(Rule.parse('-s 10.9.9.9'))
      table.refresh()
      expect(input.rules).toHaveLength(0)
      input.appendRule(Rule.parse('-s 10.0.0.1'))
      table.autocommit = true
    },
  })

  example('deferred edits give way to another writer', {
    commands: ['iptables-legacy -A INPUT -s 10.0.0.2'],
    typescript(place) {
      const table = place.table(Table.FILTER, { autocommit: false })
      new Chain(table, 'INPUT').appendRule(Rule.parse('-s 10.0.0.1'))
      place.run('iptables-legacy -A INPUT -s 10.0.0.2')
      expect(() => table.commit()).toThrow(ConflictError)
    },
  })
})

describe('counters', () => {
  const traffic = 'ip link set lo up; for n in 1 2 3; do echo hello > /dev/udp/127.0.0.1/9; done'

  example('of rules and policies, with refresh', {
    commands: ['iptables-legacy -A OUTPUT -p udp -m udp --dport 9 -j DROP -c 3 102'],
    typescript(place) {
      const table = place.table(Table.FILTER)
      const output = new Chain(table, 'OUTPUT')
      output.appendRule(Rule.parse('-p udp --dport 9 -j DROP'))
      expect(output.rules[0]?.getCounters()).toEqual([0n, 0n])
      // The sender gets an error if the packet is dropped.
      place.run(traffic.replaceAll('/9;', '/9 2>&- || true;'))
      expect(output.rules[0]?.counters).toEqual([0n, 0n])
      table.refresh()
      expect(output.rules[0]?.getCounters()).toEqual([3n, 102n])
      expect(output.getCounters()).toEqual([0n, 0n])
    },
  })

  example('given with the rule', {
    commands: ['iptables-legacy -A INPUT -s 10.0.0.1 -c 5 300'],
    typescript(place) {
      const rule = new Rule()
      rule.src = '10.0.0.1'
      rule.counters = [5, 300n]
      place.chain('INPUT').appendRule(rule)
    },
  })

  example('back to zero', {
    given: ['iptables-legacy -A INPUT -s 10.0.0.1 -c 5 300', 'iptables-legacy -A OUTPUT -s 10.0.0.1 -c 6 400'],
    commands: ['iptables-legacy -Z INPUT'],
    typescript: (place) => place.chain('INPUT').zeroCounters(),
  })
})

describe('what cannot be', () => {
  const refusals: readonly [string, (place: Place) => unknown, new (...args: never[]) => Error][] = [
    ['an unknown match', () => new Match(new Rule(), 'no-such-match'), XtablesError],
    ['a match of the other family', () => new Match(new Rule(), 'icmp6'), XtablesError],
    ['a bad port', () => Object.assign(new Rule().createMatch('tcp'), { dport: '70000' }), XtablesError],
    ['a bad address', () => Object.assign(new Rule(), { src: '10.0.0.256' }), XtablesError],
    ['a bad mask', () => Object.assign(new Rule(), { src: '10.0.0.0/33' }), XtablesError],
    ['a bad protocol', () => Object.assign(new Rule(), { protocol: 'no-such-protocol' }), XtablesError],
    ['an interface with a long name', () => Object.assign(new Rule(), { inInterface: 'x'.repeat(17) }), XtablesError],
    [
      'a bad hardware address',
      () => Object.assign(new Rule().createMatch('mac'), { macSource: '0:1:2' }),
      XtablesError,
    ],
    ['a misspelt parameter', () => Object.assign(new Rule().createMatch('tcp'), { dprot: '80' }), XtablesError],
    ['a bad policy', () => new Policy('RETURN' as 'DROP'), XtablesError],
    ['tcp ports without the protocol', (place) => place.chain('INPUT').appendRule(portsAlone()), RuleError],
    ['MASQUERADE in filter', (place) => place.chain('INPUT').appendRule(Rule.parse('-j MASQUERADE')), RuleError],
    ['a jump to no chain', (place) => place.chain('INPUT').appendRule(Rule.parse('-j nowhere')), RuleError],
    ['a set that is not there', (place) => place.chain('INPUT').appendRule(unknownSet()), XtablesError],
    ['an incomplete match', (place) => place.chain('INPUT').appendRule(incomplete()), XtablesError],
    ['a rule that is not there', (place) => place.chain('INPUT').deleteRule(Rule.parse('-j DROP')), NotFoundError],
    ['a chain that is not there', (place) => place.chain('nowhere').rules, NotFoundError],
    ['a chain twice', (place) => place.table(Table.FILTER).createChain('INPUT'), RuleError],
    ['deleting a built-in chain', (place) => place.chain('INPUT').delete(), RuleError],
    ['the policy of a chain of users', (place) => place.table(Table.FILTER).createChain('x').getPolicy(), RuleError],
    ['a table that is not there', (place) => place.table('no-such-table').chains, NotFoundError],
  ]

  function portsAlone(): Rule {
    const rule = new Rule()
    rule.createMatch('tcp').dport = '80'
    return rule
  }

  function incomplete(): Rule {
    const rule = new Rule()
    rule.createMatch('mark')
    return rule
  }

  function unknownSet(): Rule {
    const rule = new Rule()
    rule.createMatch('set').matchSet = ['nowhere', 'src']
    return rule
  }

  test.each(refusals)('%s', (_, attempt, error) => {
    const place = new Place()
    expect(() => attempt(place)).toThrow(error)
    expect(everything(place.namespace)).not.toContain('-A')
  })
})

describe('IPv6', () => {
  example('addresses and icmp6', {
    commands: [
      'ip6tables-legacy -A INPUT -s ::1/128 -j ACCEPT',
      'ip6tables-legacy -A INPUT ! -s 2001:db8::/32 -d fe80::1 -i eth0 -p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j ACCEPT',
    ],
    typescript(place) {
      const chain = new Chain(place.table6(Table6.FILTER), 'INPUT')
      const local = new Rule6()
      local.src = '::1'
      local.createTarget('ACCEPT')
      chain.appendRule(local)
      const ping = new Rule6()
      ping.src = '!2001:db8::/32'
      ping.dst = 'fe80::1'
      ping.inInterface = 'eth0'
      ping.protocol = 'icmpv6'
      ping.createMatch('icmp6').icmpv6Type = 'echo-request'
      ping.createTarget('ACCEPT')
      chain.appendRule(ping)
      expect(chain.rules.map(({ src }) => src)).toEqual(['::1/128', '!2001:db8::/32'])
    },
  })

  example('beside IPv4', {
    commands: [
      'iptables-legacy -N own',
      'ip6tables-legacy -N own',
      'iptables-legacy -A own -s 10.0.0.1 -j REJECT --reject-with icmp-host-prohibited',
      'ip6tables-legacy -A own -s 2001:db8::1 -j REJECT --reject-with icmp6-adm-prohibited',
      'ip6tables-legacy -P FORWARD DROP',
    ],
    typescript(place) {
      const [four, six] = [place.table(Table.FILTER), place.table6(Table6.FILTER)]
      const [own4, own6] = [four.createChain('own'), six.createChain('own')]
      own4.appendRule(Rule.parse('-s 10.0.0.1 -j REJECT --reject-with icmp-host-prohibited'))
      own6.appendRule(Rule6.parse('-s 2001:db8::1 -j REJECT --reject-with icmp6-adm-prohibited'))
      six.setPolicy('FORWARD', Policy.DROP)
      expect(() => own4.appendRule(new Rule6())).toThrow(XtablesError)
    },
  })
})

describe('easy', () => {
  example('chains: has, add, list, flush, delete', {
    given: ['iptables-legacy -N old', 'iptables-legacy -A old -j DROP'],
    commands: ['iptables-legacy -N TestChain', 'iptables-legacy -F old', 'iptables-legacy -X old'],
    typescript({ at }) {
      expect(easy.hasChain('filter', 'TestChain', at)).toBe(false)
      expect(easy.addChain('filter', 'TestChain', at)).toBe(true)
      expect(easy.hasChain('filter', 'TestChain', at)).toBe(true)
      expect(easy.getChains('filter', at)).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'TestChain', 'old'])
      expect(() => easy.deleteChain('filter', 'old', at)).toThrow(RuleError)
      expect(easy.flushChain('filter', 'old', at)).toBe(true)
      expect(easy.deleteChain('filter', 'old', at)).toBe(true)
      expect(easy.deleteChain('filter', 'old', { ...at, throws: false })).toBe(false)
    },
  })

  example('a rule is added, read, found and deleted', {
    commands: [
      'iptables-legacy -N TestChain',
      'iptables-legacy -A TestChain -p tcp -m tcp --dport 22 -j ACCEPT',
      'iptables-legacy -I TestChain -p tcp -m tcp --dport 80 -j ACCEPT',
      'iptables-legacy -A TestChain -p udp -m udp --dport 53 -j ACCEPT',
      'iptables-legacy -D TestChain -p udp -m udp --dport 53 -j ACCEPT',
    ],
    typescript({ at }) {
      easy.addChain('filter', 'TestChain', at)
      const ssh = { protocol: 'tcp', target: 'ACCEPT', tcp: { dport: '22' } } as const
      easy.addRule('filter', 'TestChain', ssh, 0, at)
      easy.insertRule('filter', 'TestChain', { ...ssh, tcp: { dport: 80 } }, at)
      const dns = { protocol: 'udp', udp: { dport: '53' }, target: 'ACCEPT' } as const
      easy.addRule('filter', 'TestChain', dns, 3, at)
      const counters = [0, 0]
      expect(easy.dumpChain('filter', 'TestChain', at)).toEqual([
        { ...ssh, tcp: { dport: '80' }, counters },
        { ...ssh, counters },
        { ...dns, counters },
      ])
      expect(easy.getRule('filter', 'TestChain', 2, at)).toEqual({ ...ssh, counters })
      expect(easy.getRule('filter', 'TestChain', -1, at)).toEqual({ ...dns, counters })
      expect(easy.hasRule('filter', 'TestChain', dns, at)).toBe(true)
      expect(easy.getRulePosition('filter', 'TestChain', dns, at)).toBe(2)
      expect(easy.getRuleCounters('filter', 'TestChain', dns, at)).toEqual(counters)
      expect(easy.deleteRule('filter', 'TestChain', dns, at)).toBe(true)
      expect(easy.hasRule('filter', 'TestChain', dns, at)).toBe(false)
      expect(() => easy.deleteRule('filter', 'TestChain', dns, at)).toThrow(NotFoundError)
    },
  })

  example('a comment', {
    commands: ['iptables-legacy -A INPUT -p tcp -m comment --comment "Match tcp.22" -m tcp --dport 22 -j ACCEPT'],
    typescript({ at }) {
      const rule = { comment: { comment: 'Match tcp.22' }, protocol: 'tcp', target: 'ACCEPT', tcp: { dport: '22' } }
      easy.addRule('filter', 'INPUT', rule, 0, at)
      expect(easy.dumpChain('filter', 'INPUT', at)).toEqual([{ ...rule, counters: [0, 0] }])
    },
  })

  example('negations', {
    commands: [
      'iptables-legacy -A INPUT ! -s 10.0.0.0/8 ! -i lo ! -p tcp -j DROP',
      'iptables-legacy -A INPUT -p tcp -m tcp ! --dport 22 -m mac ! --mac-source 00:11:22:33:44:55 -j DROP',
      'iptables-legacy -A INPUT -p tcp -m tcp ! --tcp-flags SYN,ACK SYN -j DROP',
    ],
    typescript({ at }) {
      const rules = [
        { src: '!10.0.0.0/8', 'in-interface': '!lo', protocol: '!tcp', target: 'DROP' },
        {
          protocol: 'tcp',
          tcp: { dport: ['!', '22'] },
          mac: { 'mac-source': ['!', '00:11:22:33:44:55'] },
          target: 'DROP',
        },
        { protocol: 'tcp', tcp: { 'tcp-flags': ['!', 'SYN,ACK', 'SYN'] }, target: 'DROP' },
      ] as const
      for (const rule of rules) easy.addRule('filter', 'INPUT', rule, 0, at)
      expect(easy.dumpChain('filter', 'INPUT', at)).toEqual(rules.map((rule) => ({ ...rule, counters: [0, 0] })))
      for (const rule of rules) expect(easy.hasRule('filter', 'INPUT', rule, at)).toBe(true)
    },
  })

  example('other spellings', {
    commands: [
      'iptables-legacy -A INPUT -i eth0 -p tcp -m tcp ! --dport 22 -j REJECT --reject-with tcp-reset',
      'iptables-legacy -A INPUT -i eth0 -p tcp -m tcp ! --sport 22 -j REJECT --reject-with tcp-reset',
    ],
    typescript({ at }) {
      const target = { REJECT: { reject_with: 'tcp-reset' } }
      easy.addRule('filter', 'INPUT', { in_interface: 'eth0', protocol: 6, tcp: { dport: '!22' }, target }, 0, at)
      easy.addRule(
        'filter',
        'INPUT',
        { inInterface: 'eth0', protocol: 'tcp', tcp: { sourcePort: '!22' }, target },
        0,
        at,
      )
      expect(easy.getRule('filter', 'INPUT', 2, at)).toEqual({
        'in-interface': 'eth0',
        protocol: 'tcp',
        tcp: { sport: ['!', '22'] },
        target: { REJECT: { 'reject-with': 'tcp-reset' } },
        counters: [0, 0],
      })
    },
  })

  example('targets: a chain, goto, a target with parameters, none', {
    commands: [
      'iptables-legacy -t mangle -N FWD',
      'iptables-legacy -t mangle -A FORWARD -p tcp -j FWD',
      'iptables-legacy -t mangle -A FORWARD -p udp -g FWD',
      'iptables-legacy -t mangle -A FORWARD -m mark --mark 0xef -j MARK --set-xmark 0x1/0xff',
      'iptables-legacy -t mangle -A FORWARD -s 10.0.0.1',
    ],
    typescript({ at }) {
      easy.addChain('mangle', 'FWD', at)
      const rules = [
        { protocol: 'tcp', target: 'FWD' },
        { protocol: 'udp', target: { goto: 'FWD' } },
        { mark: { mark: '0xef' }, target: { MARK: { 'set-xmark': '0x1/0xff' } } },
        { src: '10.0.0.1/32' },
      ]
      for (const rule of rules) easy.addRule('mangle', 'FORWARD', rule, 0, at)
      expect(easy.dumpChain('mangle', 'FORWARD', at)).toEqual(rules.map((rule) => ({ ...rule, counters: [0, 0] })))
    },
  })

  example('an ipset', {
    given: ['ipset create blacklist hash:ip'],
    commands: ['iptables-legacy -A INPUT -m set --match-set blacklist src -m set ! --match-set blacklist dst -j DROP'],
    typescript({ at }) {
      const rule = {
        set: [{ 'match-set': ['blacklist', 'src'] }, { 'match-set': ['!', 'blacklist', 'dst'] }],
        target: 'DROP',
      } as const
      easy.addRule('filter', 'INPUT', rule, 0, at)
      expect(easy.dumpChain('filter', 'INPUT', at)).toEqual([{ ...rule, counters: [0, 0] }])
    },
  })

  example('rules that one program kept as JSON are made again by another', {
    given: [
      'iptables-legacy -N own',
      'iptables-legacy -A INPUT -p tcp -m tcp --dport 22 -m comment --comment "it\'s" -j own -c 3 180',
      'iptables-legacy -A INPUT ! -f -m state --state NEW,RELATED -m state ! --state INVALID -j LOG --log-prefix "x: "',
      'iptables-legacy -A own -m conntrack ! --ctorigsrc 10.0.0.0/8 -j REJECT',
    ],
    commands: [],
    typescript({ at, namespace }) {
      const before = everything(namespace)
      const kept = JSON.stringify(easy.dumpTable('filter', at))
      easy.flushTable('filter', at)
      expect(everything(namespace)).not.toBe(before)
      const batch = easy.batchBegin('filter', at)
      const chains = Object.entries(JSON.parse(kept) as ReturnType<typeof easy.dumpTable>)
      for (const [chain] of chains)
        if (!easy.hasChain('filter', chain, { batch })) easy.addChain('filter', chain, { batch })
      for (const [chain, rules] of chains) for (const rule of rules) easy.addRule('filter', chain, rule, 0, { batch })
      easy.batchEnd(batch)
    },
  })

  example('replacing a rule', {
    given: ['iptables-legacy -A INPUT -s 10.0.0.1 -j DROP', 'iptables-legacy -A INPUT -s 10.0.0.2 -j DROP'],
    commands: ['iptables-legacy -R INPUT 2 -s 10.0.0.2 -j ACCEPT'],
    typescript({ at }) {
      const rule = { src: '10.0.0.2', target: 'DROP' }
      easy.replaceRule('filter', 'INPUT', rule, { ...rule, target: 'ACCEPT' }, at)
    },
  })

  example('policies', {
    commands: ['iptables-legacy -P FORWARD DROP'],
    typescript({ at }) {
      expect(easy.getPolicy('filter', 'FORWARD', at)).toBe('ACCEPT')
      easy.setPolicy('filter', 'FORWARD', 'DROP', at)
      expect(easy.getPolicy('filter', 'FORWARD', at)).toBe('DROP')
    },
  })

  example('flushing and zeroing', {
    given: [
      'iptables-legacy -t nat -N own',
      'iptables-legacy -t nat -A own -j ACCEPT',
      'iptables-legacy -A INPUT -s 10.0.0.1 -c 5 300',
      'iptables-legacy -A OUTPUT -s 10.0.0.1 -c 5 300',
    ],
    commands: ['iptables-legacy -t nat -F', 'iptables-legacy -t nat -X', 'iptables-legacy -Z INPUT'],
    typescript({ at }) {
      expect(easy.flushTable('nat', at)).toBe(true)
      easy.zeroChain('filter', 'INPUT', at)
    },
  })

  example('flushing and zeroing everything', {
    given: [
      'iptables-legacy -t nat -A POSTROUTING -j MASQUERADE',
      'iptables-legacy -A INPUT -s 10.0.0.1 -c 5 300',
      'iptables-legacy -P OUTPUT DROP',
    ],
    commands: ['iptables-legacy -t nat -F', 'iptables-legacy -F'],
    typescript({ at }) {
      easy.zeroAll(at)
      expect(easy.getRuleCounters('filter', 'INPUT', { src: '10.0.0.1' }, at)).toEqual([0, 0])
      easy.flushAll(at)
    },
  })

  example('dumps of tables', {
    given: [
      'iptables-legacy -A INPUT -s 10.0.0.1 -c 5 300',
      'iptables-legacy -t nat -A POSTROUTING -o eth0 -j MASQUERADE',
    ],
    commands: [],
    typescript({ at }) {
      const filter = { INPUT: [{ src: '10.0.0.1/32', counters: [5, 300] }], FORWARD: [], OUTPUT: [] }
      expect(easy.dumpTable('filter', at)).toEqual(filter)
      const all = easy.dumpAll(at)
      expect(Object.keys(all)).toEqual(easy.getTables(at))
      expect(all).toMatchObject({
        filter,
        nat: { POSTROUTING: [{ 'out-interface': 'eth0', target: 'MASQUERADE', counters: [0, 0] }] },
      })
    },
  })

  example('batches', {
    commands: [
      'iptables-legacy -N one',
      'iptables-legacy -N two',
      'iptables-legacy -A one -s 10.0.0.1 -j ACCEPT',
      'iptables-legacy -A two -s 10.0.0.2 -j ACCEPT',
      'iptables-legacy -A INPUT -j one',
    ],
    typescript({ at, namespace }) {
      const before = everything(namespace)
      const batch = easy.batchBegin('filter', at)
      easy.addChain('filter', 'one', { batch })
      easy.addRule('filter', 'INPUT', { target: 'one' }, 0, { batch })
      expect(everything(namespace)).toBe(before)
      easy.batchEnd(batch)
      easy.batchAddChains('filter', ['two', 'three'], at)
      const rules: Parameters<typeof easy.batchAddRules>[1] = [
        ['one', { src: '10.0.0.1', target: 'ACCEPT' }],
        ['two', { src: '10.0.0.2', target: 'ACCEPT' }],
        ['three', { src: '10.0.0.3', target: 'ACCEPT' }],
      ]
      easy.batchAddRules('filter', rules, at)
      easy.batchDeleteRules('filter', [['three', { src: '10.0.0.3', target: 'ACCEPT' }]], at)
      easy.batchDeleteChains('filter', ['three'], at)
    },
  })

  example('IPv6', {
    commands: ['ip6tables-legacy -A INPUT -s 2001:db8::/32 -p icmpv6 -m icmp6 --icmpv6-type 128 -j DROP'],
    typescript({ at }) {
      const options = { ...at, ipv6: true }
      const rule = { src: '2001:db8::/32', protocol: 'icmpv6', icmp6: { 'icmpv6-type': '128' }, target: 'DROP' }
      easy.addRule('filter', 'INPUT', rule, 0, options)
      expect(easy.dumpChain('filter', 'INPUT', options)).toMatchObject([{ src: '2001:db8::/32', target: 'DROP' }])
      expect(easy.hasRule('filter', 'INPUT', rule, options)).toBe(true)
      expect(easy.dumpChain('filter', 'INPUT', at)).toEqual([])
    },
  })

  example('testing without a table', {
    commands: [],
    typescript() {
      expect(easy.testRule({ protocol: 'tcp', tcp: { dport: '22' }, target: 'ACCEPT' })).toBe(true)
      expect(easy.testRule({ protocol: 'tcp', tcp: { dport: '222222' }, target: 'ACCEPT' })).toBe(false)
      expect(easy.testMatch('tcp', { dport: '22' })).toBe(true)
      expect(easy.testMatch('tcp', { dprot: '22' })).toBe(false)
      expect(easy.testTarget('MARK', { 'set-mark': '0x1' })).toBe(true)
      expect(easy.testTarget('MARK', {})).toBe(false)
      const rule = easy.encodeRule({ src: '10.0.0.1', target: { REJECT: { 'reject-with': 'icmp-port-unreachable' } } })
      expect(String(rule)).toBe('-s 10.0.0.1/32 -j REJECT --reject-with icmp-port-unreachable')
      expect(easy.decodeRule(rule)).toMatchObject({ src: '10.0.0.1/32' })
    },
  })

  const refusals: readonly [string, object, readonly (string | number)[]][] = [
    ['a key that is misspelt', { protcol: 'tcp', target: 'ACCEPT' }, ['protcol']],
    ['a parameter that is misspelt', { protocol: 'tcp', tcp: { dprot: '22' }, target: 'ACCEPT' }, ['tcp', 'dprot']],
    ['a bad value', { protocol: 'tcp', tcp: { dport: '222222' }, target: 'ACCEPT' }, ['tcp', 'dport']],
    [
      'a bad parameter of a target',
      { target: { REJECT: { 'reject-with': 'x' } } },
      ['target', 'REJECT', 'reject-with'],
    ],
  ]

  test.each(refusals)('%s throws, and no broader rule is created', (_, rule, path) => {
    const { at, namespace } = new Place()
    const add = () => easy.addRule('filter', 'INPUT', rule, 0, at)
    expect(add).toThrow(XtablesError)
    expect(add).toThrow(expect.objectContaining({ path }))
    expect(everything(namespace)).not.toContain('-A')
  })
})
