/** Commands that are run before the code cache is written, so that it contains the functions that most commands need. */

const RULE = '-s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m comment --comment a -j ACCEPT'

/** Each command works on a new, empty in-process kernel. */
export const WARM_UP: readonly string[] = [
  'iptables -N a',
  `iptables -A INPUT -i lo ${RULE}`,
  `iptables -I OUTPUT 1 -o lo ${RULE}`,
  'iptables -t nat -A POSTROUTING -o lo -j MASQUERADE',
  'iptables -P FORWARD DROP',
  'iptables -F INPUT',
  'iptables -S',
  'iptables -n -v -L',
  'iptables-save -c',
  'iptables-restore',
  'ipset restore',
  'ipset save',
]

/** Standard input of the restore commands. */
export const WARM_UP_TEXTS: Readonly<Record<string, string>> = {
  'iptables-restore': `*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT ${RULE}\n-A INPUT -j a\n-D INPUT 1\nCOMMIT\n`,
  'ipset restore': 'create a hash:ip\nadd a 10.0.0.1\nadd a 10.0.0.2\nlist\n',
}
