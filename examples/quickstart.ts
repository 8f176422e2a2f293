/**
 * A first look at xtables: makes chains and rules, reads them back from the kernel and prints them as iptables-save does.
 * `npm start` runs it. As root on Linux it works in a network namespace of its own, which is gone when it ends, and
 * leaves the machine's rules alone; where it may not, it works on an in-process kernel that refuses what Linux refuses.
 */
// In a project of yours this line ends with: from 'xtables'
import {
  Chain,
  easy,
  IptcError,
  type Kernel,
  LinuxKernel,
  MemoryKernel,
  NetworkNamespace,
  Rule,
  Table,
} from '../src/index'

/** The kernel of this machine, with a new and empty packet filter. */
function linux(): Kernel {
  const kernel = new LinuxKernel({ namespace: NetworkNamespace.create() })
  using table = new Table(Table.FILTER, { kernel })
  table.transaction(() => {}) // Finds out whether we may.
  return kernel
}

function choose(): Kernel {
  try {
    const kernel = linux()
    console.log(`# This is ${kernel.description}, in a network namespace made for this program.`)
    return kernel
  } catch (error) {
    // PermissionError: not root. UnsupportedError: not Linux, or one without these tables.
    if (!(error instanceof IptcError)) throw error
    const kernel = new MemoryKernel()
    console.log(`# This is an ${kernel.description}, as Linux cannot be had here:\n# ${error.name}: ${error.message}`)
    return kernel
  }
}

const kernel = choose()

// Objects. What happens in a transaction reaches the kernel at once, or not at all.
const filter = new Table(Table.FILTER, { kernel })
filter.transaction(() => {
  const input = new Chain(filter, 'INPUT')
  const web = filter.createChain('web')

  const known = new Rule()
  known.createMatch('state').state = 'RELATED,ESTABLISHED'
  known.createTarget('ACCEPT')
  known.counters = [12, 3456]
  input.appendRule(known)

  const toWeb = new Rule()
  toWeb.inInterface = 'eth+'
  toWeb.protocol = 'tcp'
  toWeb.createMatch('tcp').dport = '80:443'
  toWeb.createTarget('web')
  input.appendRule(toWeb)

  web.appendRule(Rule.parse('-s 192.168.0.0/16 -j ACCEPT')) // The same in the words of iptables.
})

const nat = new Table(Table.NAT, { kernel })
const out = new Rule()
out.outInterface = 'eth0'
out.protocol = 'tcp'
out.createTarget('MASQUERADE').toPorts = '1024-65535'
new Chain(nat, 'POSTROUTING').appendRule(out)

// Dictionaries, in the shape that python-iptables gives them: `easy` opens and closes the table itself.
const ssh = { protocol: 'tcp', tcp: { dport: '22' }, comment: { comment: 'way in' }, target: 'ACCEPT' }
easy.addRule('filter', 'INPUT', ssh, 0, { kernel })
easy.setPolicy('filter', 'INPUT', 'DROP', { kernel })

// What no kernel would take is refused with the reason, and nothing is changed.
try {
  easy.addRule('filter', 'INPUT', { tcp: { dport: '22' }, target: 'ACCEPT' }, 0, { kernel })
} catch (error) {
  if (!(error instanceof IptcError)) throw error
  console.log(`# Refused: ${error.message}`)
}

for (const table of [filter, nat]) {
  table.refresh() // Reads what the kernel has now.
  console.log(`*${table}`)
  for (const chain of table.chains)
    console.log(chain.isBuiltin() ? `:${chain} ${chain.getPolicy()} [${chain.getCounters().join(':')}]` : `:${chain} -`)
  for (const chain of table.chains)
    for (const rule of chain.rules) console.log(`[${rule.counters.join(':')}] -A ${chain} ${rule}`)
  console.log('COMMIT')
  table.close()
}
