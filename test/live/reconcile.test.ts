/** Reconciles chains on Linux, and checks the result with the tools of both backends. */
import { type NetworkNamespace, reconcile } from '../../src/index'
import { newNamespace, run } from './legacy'

const BACKENDS = ['legacy', 'nft'] as const

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
})
afterEach(() => namespace.close())

describe.each(BACKENDS)('%s', (backend) => {
  const saved = (): string[] =>
    run(namespace, `iptables-${backend}-save -c -t filter`)
      .split('\n')
      .filter((line) => /^[:[]/.test(line))

  const fill = (): void =>
    void run(
      namespace,
      `iptables-${backend}-restore -c <<'END'
*filter
:INPUT DROP [5:6]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [7:8]
:docker - [0:0]
:web-in - [0:0]
:web-old - [0:0]
[1:2] -A INPUT -s 10.9.9.9/32 -j DROP
[3:4] -A INPUT -j web-old
[5:6] -A INPUT -j docker
[7:8] -A docker -m limit --limit 5/sec -j RETURN
[9:10] -A web-in -p tcp -m tcp --dport 80 -j ACCEPT
[11:12] -A web-in -m limit --limit 7/min -j ACCEPT
[13:14] -A web-in -p udp -m udp --dport 53 -j ACCEPT
[15:16] -A web-old -j DROP
COMMIT
END`,
    )

  const desired = {
    filter: {
      INPUT: ['-j web-in'],
      'web-in': [
        '-p udp --dport 53 -j ACCEPT',
        '-m limit --limit 7/min -j ACCEPT',
        { protocol: 'tcp', tcp: { dport: '443' }, target: 'ACCEPT' },
      ],
    },
  } as const

  test('the tool lists the desired rules; everything else is unchanged, with its counters; and everything can be reverted', () => {
    fill()
    const before = saved()
    const options = { owns: { prefix: 'web-' }, namespace, backend } as const
    const plan = reconcile(desired, options)
    expect(saved()).toEqual(before)
    plan.apply()
    expect(saved()).toEqual([
      ':INPUT DROP [5:6]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [7:8]',
      ':docker - [0:0]',
      ':web-in - [0:0]',
      '[0:0] -A INPUT -j web-in',
      '[1:2] -A INPUT -s 10.9.9.9/32 -j DROP',
      '[5:6] -A INPUT -j docker',
      '[7:8] -A docker -m limit --limit 5/sec -j RETURN',
      '[13:14] -A web-in -p udp -m udp --dport 53 -j ACCEPT',
      '[11:12] -A web-in -m limit --limit 7/min -j ACCEPT',
      '[0:0] -A web-in -p tcp -m tcp --dport 443 -j ACCEPT',
    ])
    expect(reconcile(desired, options).isEmpty).toBe(true)
    plan.inverse.apply()
    expect(saved()).toEqual(before)
  })

  if (backend === 'legacy') return
  test('foreign rules in our chain are not deleted silently', () => {
    fill()
    run(namespace, "nft add rule ip filter web-in tcp dport '{ 1, 2 }' counter accept")
    const before = saved()
    expect(() => reconcile(desired, { owns: { prefix: 'web-' }, namespace, backend })).toThrow(
      'iptables cannot express this rule',
    )
    expect(saved()).toEqual(before)
  })
})
