/** Environment variables and files that the command reads, for the man page and the docs. */

type Told = readonly (readonly [name: string, meaning: string])[]

export const VARIABLES: Told = [
  ['XTABLES_BACKEND', 'the backend (legacy or nft) if neither --backend nor the name of the applet selects one'],
  [
    'XTABLES_LOCKFILE',
    'the lock file to use instead of /run/xtables.lock; all programs that change the tables must use the same one',
  ],
  ['XTABLES_MODPROBE', 'if it is off, modprobe is not run to load missing kernel modules'],
  ['XTABLES_DEBUG', 'if it is 1, each call to the kernel is logged to standard error'],
  ['NO_COLOR', 'turns colours off, unless it is empty'],
  [
    'FORCE_COLOR',
    'turns colours on even if standard output is not a terminal; 0 or false turns them off. It takes precedence over NO_COLOR',
  ],
  ['TERM', 'if it is dumb, the terminal does not support colours'],
  ['SSH_CONNECTION', 'the SSH session for which lint and ui check whether the rules would cut it off'],
  [
    'XDG_RUNTIME_DIR',
    'the directory for pending changes of apply --confirm. If it is not set, root uses /run, and others the temporary directory',
  ],
]

export const FILES: Told = [
  ['/run/xtables.lock', 'the lock held while tables of ip_tables are changed, the same as that of iptables'],
  ['/run/netns/NAME', 'the network namespace of --netns NAME'],
  ['/etc/protocols, /etc/services', 'names of protocols and ports'],
  ['/proc/sys/kernel/modprobe', 'the program that is run to load missing kernel modules'],
]
