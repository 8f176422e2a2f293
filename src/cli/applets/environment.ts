/** Environment variables and files that the command reads, for the man page and the docs. */

type Told = readonly (readonly [name: string, meaning: string])[]

export const VARIABLES: Told = [
  [
    'XTABLES_BACKEND',
    'where the tables are, as far as neither --backend nor the name of the applet says it: legacy or nft',
  ],
  [
    'XTABLES_LOCKFILE',
    'the xtables lock, in place of /run/xtables.lock; the same for all programs that change the tables',
  ],
  ['XTABLES_MODPROBE', 'with off, no program is run that loads modules of the kernel'],
  ['XTABLES_DEBUG', 'with 1, each call to the kernel is logged to standard error'],
  ['NO_COLOR', 'no colours, unless it is empty'],
  ['FORCE_COLOR', 'colours, also where standard output is no terminal; 0 or false: none. It is asked before NO_COLOR'],
  ['TERM', 'with dumb, the terminal has no colours'],
  ['SSH_CONNECTION', 'the session that lint and ui look after, so that it is not cut off'],
  [
    'XDG_RUNTIME_DIR',
    'where apply --confirm keeps what is pending; else /run for root, and the directory of temporary files',
  ],
]

export const FILES: Told = [
  ['/run/xtables.lock', 'held while tables of ip_tables are changed, as iptables does'],
  ['/run/netns/NAME', 'the network namespace that --netns NAME means'],
  ['/etc/protocols, /etc/services', 'names of protocols and ports'],
  ['/proc/sys/kernel/modprobe', 'names the program that is run where the kernel lacks the modules of tables'],
]
