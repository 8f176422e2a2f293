import { connectWhere, LINUX, without } from '../support/other-machine'

test.each([
  [`Object.defineProperty(process, 'platform', { value: 'darwin' })`, /"name":"UnsupportedError".*darwin.*in-process/],
  [`${LINUX}; Object.defineProperty(process, 'arch', { value: 'ia32' })`, /"name":"UnsupportedError".*ia32/],
  [`${LINUX}; require('node:os').endianness = () => 'BE'`, /"name":"UnsupportedError".*BE/],
  [`${LINUX}; ${without('ffi-rs')}`, /"name":"UnsupportedError".*ffi-rs cannot be loaded/],
  [`${LINUX}; require('ffi-rs/package.json').version = '1.3.1'`, /"name":"UnsupportedError".*ffi-rs 1.3.1 is too old/],
])('the package can be loaded anywhere, but the kernel cannot be used (%s)', (prepare, message) => {
  const { stdout, stderr } = connectWhere(prepare)
  expect(stderr).toBe('')
  expect(stdout).toMatch(message)
})
