/** Runs before every live test. */
import { CLONE_NEWNET, unshare } from '../../src/kernel/linux/libc'
import { guard } from '../support/guard'

guard()
// Test files run side by side, each in a namespace of its own.
unshare(CLONE_NEWNET)
// What is compared with the legacy tools has their tables; who wants others says so.
process.env['XTABLES_BACKEND'] = 'legacy'
