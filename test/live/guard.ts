/** Runs before every live test. */
import { CLONE_NEWNET, unshare } from '../../src/kernel/linux/libc'
import { guard } from '../support/guard'

guard()
// Test files run in parallel, each in its own namespace.
unshare(CLONE_NEWNET)
// Tests compare with the legacy tools, so the legacy backend is the default. Other tests set another one.
process.env['XTABLES_BACKEND'] = 'legacy'
