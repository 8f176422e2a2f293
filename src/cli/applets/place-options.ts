/** Options that select the tables to work on. They come before all other words, or directly after the name of an applet. */
import type { AppletOptions } from './applet'

export const PLACE_OPTIONS = {
  netns: {
    type: 'string',
    takes: 'NAME|PATH|PID',
    values: 'namespace',
    summary: 'use the tables of another network namespace',
  },
  kernel: {
    type: 'string',
    takes: 'linux|memory',
    values: ['linux', 'memory'],
    summary: 'the kernel of Linux (default), or an in-process kernel, which works on any system',
  },
  state: {
    type: 'string',
    takes: 'FILE',
    values: 'file',
    summary: 'with --kernel memory: the file in which its tables are stored',
  },
  backend: {
    type: 'string',
    takes: 'legacy|nft',
    values: ['legacy', 'nft'],
    summary: 'use ip_tables or nf_tables (default: the one that has rules)',
  },
  rewrite: {
    type: 'string',
    takes: 'NAME[,NAME]',
    summary: "allow edits that write back rules which the kernel does not return in full, such as 'CT --timeout'",
  },
  'find-refused': {
    type: 'boolean',
    summary: 'if the kernel refuses a change of several rules, find out by trial which rule is at fault',
  },
} as const satisfies AppletOptions
