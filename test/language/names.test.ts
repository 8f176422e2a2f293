import { IPV4, IPV6 } from '../../src/abi/family'
import { resolveNetworks } from '../../src/language/names'

describe('addresses', () => {
  test.each([
    ['10.1.2.3', ['10.1.2.3']],
    ['10.1.2.3/8,1.1.1.1', ['10.1.2.3/8', '1.1.1.1']],
    ['1.1.1.1, 2.2.2.2/255.0.255.0', ['1.1.1.1', '2.2.2.2/255.0.255.0']],
    ['localhost', ['127.0.0.1']],
    ['localhost/8', ['127.0.0.1/8']],
  ])('%s', (word, networks) => {
    expect(resolveNetworks(word, 'src', IPV4)).toEqual(networks)
  })

  test('the scope of an IPv6 address is omitted', () => {
    expect(resolveNetworks('fe80::1%eth0/64,::1', 'src', IPV6)).toEqual(['fe80::1/64', '::1'])
  })

  test.each([
    ['', "host/network `' not found"],
    ['1.1.1.1,', "host/network `' not found"],
    ['1.2.3.4.5', "host/network `1.2.3.4.5' not found"],
    ['-x', "host/network `-x' not found"],
    ['a b', "host/network `a b' not found"],
    ['1.2.3.4/33', "invalid mask `33' specified"],
    ['1.2.3.4/', "invalid mask `' specified"],
    ['::1', "host/network `::1' not found"],
  ])('%s is not an address', (word, message) => {
    expect(() => resolveNetworks(word, 'dst', IPV4)).toThrow(
      expect.objectContaining({
        text: message,
        message: expect.stringMatching(/'(?: specified| not found); accepted: an? /),
      }),
    )
  })
})
