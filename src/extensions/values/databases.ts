/**
 * The system's names of services, protocols and accounts. Files are read once, on first use; common names are
 * built in.
 */
import { readFileSync } from 'node:fs'
import { PROTOCOLS } from '../../abi/protocols'

const SERVICES: Readonly<Record<string, number>> = {
  'ftp-data': 20,
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  bootps: 67,
  bootpc: 68,
  tftp: 69,
  http: 80,
  kerberos: 88,
  pop3: 110,
  sunrpc: 111,
  ntp: 123,
  imap2: 143,
  snmp: 161,
  'snmp-trap': 162,
  bgp: 179,
  ldap: 389,
  https: 443,
  submission: 587,
  syslog: 514,
  ldaps: 636,
  imaps: 993,
  pop3s: 995,
  mysql: 3306,
  postgresql: 5432,
}

/** Names that iptables defines itself, whatever the database has. */
const PROTOCOL_ALIASES: Readonly<Record<string, number>> = { all: 0, icmpv6: 58, 'ipv6-mh': 135, mh: 135 }

interface Row {
  readonly names: readonly string[]
  readonly value: string
}

/** The lines of a file; none if it cannot be read. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}

/** The rows of a database in the format of services(5) and protocols(5): name, value, aliases, comment. */
function rows(path: string): Row[] {
  return linesOf(path).flatMap((line) => {
    const [first, value, ...aliases] = (line.split('#')[0] as string).trim().split(/\s+/)
    return first && value ? [{ names: [first, ...aliases], value }] : []
  })
}

/** Looks up own properties only, as a caller may pass a name such as `constructor`. */
const own = (table: Readonly<Record<string, number>>, name: string): number | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

const lazy = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Ports by `name/protocol`, and by `name` alone for the first protocol that has it. */
const services = lazy(() => {
  const ports = new Map<string, number>()
  for (const { names, value } of rows('/etc/services')) {
    const [port, protocol] = value.split('/')
    for (const name of names) {
      ports.set(`${name}/${protocol}`, Number(port))
      if (!ports.has(name)) ports.set(name, Number(port))
    }
  }
  return ports
})

/** A mapping between numbers and names, in both directions. */
export interface Names {
  readonly byName: ReadonlyMap<string, number>
  readonly byNumber: ReadonlyMap<number, string>
}

/** If a name has two numbers, or a number two names, the first counts. */
function namesOf(pairs: Iterable<readonly [name: string, number: number]>): Names {
  const byName = new Map<string, number>()
  const byNumber = new Map<number, string>()
  for (const [name, number] of pairs) {
    if (!byName.has(name)) byName.set(name, number)
    if (!byNumber.has(number)) byNumber.set(number, name)
  }
  return { byName, byNumber }
}

const protocols = lazy(() =>
  namesOf([
    ...rows('/etc/protocols').flatMap(({ names, value }) => names.map((name) => [name, Number(value)] as const)),
    ...Object.entries(PROTOCOLS),
  ]),
)

/** The port of a service, in host order, for `protocol` (`tcp`, `udp`) or for any. */
export const servicePort = (name: string, protocol?: string): number | undefined =>
  services().size === 0 ? own(SERVICES, name) : services().get(protocol === undefined ? name : `${name}/${protocol}`)

/** The first name of each port, by `port/protocol`; by `port` alone if there is no database. */
const ports = lazy(() => {
  const names = new Map<string, string>()
  for (const {
    names: [name],
    value,
  } of rows('/etc/services'))
    if (!names.has(value)) names.set(value, name as string)
  if (names.size === 0) for (const [name, port] of Object.entries(SERVICES)) names.set(String(port), name)
  return names
})

/** The name of the service at a port of `protocol`. */
export const serviceName = (port: number, protocol: string): string | undefined =>
  ports().get(`${port}/${protocol}`) ?? ports().get(String(port))

const networks = lazy(() => new Map(rows('/etc/networks').map(({ names, value }) => [value, names[0] as string])))

/** The name of an IPv4 network, by its first address. */
export const networkName = (address: string): string | undefined => networks().get(address)

/** A database of iproute2: numbers up to 255, decimal or hexadecimal, and their names. */
const iproute2 = (path: string): (() => Names) =>
  lazy(() =>
    namesOf(
      linesOf(path).flatMap((line) => {
        const [, digits, name] = /^\s*(0x[0-9a-f]+|\d+)\s+(\S+)/i.exec(line) ?? []
        return name === undefined || Number(digits) > 255 ? [] : [[name, Number(digits)] as const]
      }),
    ),
  )

/** Routing realms. */
export const realms = iproute2('/etc/iproute2/rt_realms')
/** Groups of interfaces. */
export const deviceGroups = iproute2('/etc/iproute2/group')

/** The number of a protocol by a name or alias of protocols(5), in exact spelling. */
export const exactProtocolNumber = (name: string): number | undefined =>
  protocols().byName.get(name) ?? own(PROTOCOL_ALIASES, name)

/** The number of a protocol by name, in any case. Upper-case aliases such as OSPFIGP do not count. */
export const protocolNumber = (name: string): number | undefined => exactProtocolNumber(name.toLowerCase())

/** The name of a protocol, as `iptables -S` prints it. */
export const protocolName = (number: number): string | undefined => protocols().byNumber.get(number)

/** Names of connection labels by number. Each line has a number and a name, which may contain blanks. */
const labels = lazy(() => {
  const names = new Map<number, string>()
  for (const line of linesOf('/etc/xtables/connlabel.conf')) {
    const [, number, name] = /^(\d+)\s+([\w .-]*\w)\s*$/.exec(line) ?? []
    if (number !== undefined && name !== undefined && !names.has(Number(number))) names.set(Number(number), name)
  }
  return names
})

/** The name of a connection label. */
export const labelName = (number: number): string | undefined => labels().get(number)

/** The number of a connection label. */
export const labelNumber = (name: string): number | undefined => [...labels()].find(([, one]) => one === name)?.[0]

/** Names and numbers of the users or groups in a database in the format of passwd(5) and group(5). */
const accounts = (path: string): (() => Names) =>
  lazy(() =>
    namesOf(
      linesOf(path).flatMap((line) => {
        const [name = '', , id = ''] = line.split(':')
        return name === '' || !/^\d+$/.test(id) ? [] : [[name, Number(id)] as const]
      }),
    ),
  )

const ACCOUNTS = { user: accounts('/etc/passwd'), group: accounts('/etc/group') }

/** The number of a user or group. */
export const accountId = (kind: 'user' | 'group', name: string): number | undefined => ACCOUNTS[kind]().byName.get(name)

/** The name of a user or group. */
export const accountName = (kind: 'user' | 'group', id: number): string | undefined => ACCOUNTS[kind]().byNumber.get(id)
