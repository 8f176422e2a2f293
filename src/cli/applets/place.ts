/** Options that say where the tables are. They come before all other words, or right after the name of an applet. */
import type { AppletOptions } from './applet'

export const PLACE_OPTIONS = {
  netns: {
    type: 'string',
    takes: 'NAME|PATH|PID',
    values: 'namespace',
    summary: 'the tables of another network namespace',
  },
  kernel: {
    type: 'string',
    takes: 'linux|memory',
    values: ['linux', 'memory'],
    summary: 'memory is a kernel in this process, for which no Linux is needed',
  },
  state: {
    type: 'string',
    takes: 'FILE',
    values: 'file',
    summary: 'with --kernel memory: the file that it keeps its tables in',
  },
  backend: {
    type: 'string',
    takes: 'legacy|nft',
    values: ['legacy', 'nft'],
    summary: 'where the tables are, with a plain name',
  },
  rewrite: {
    type: 'string',
    takes: 'NAME[,NAME]',
    summary: "write back what the kernel does not tell in full, such as 'CT --timeout'",
  },
  'find-refused': {
    type: 'boolean',
    summary: 'where the kernel refuses several rules, try which of them it is',
  },
} as const satisfies AppletOptions
