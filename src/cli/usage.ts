/** What `xtables help` says. */
export const USAGE = `xtables - the packet filter of Linux, without iptables

  xtables APPLET …, or a symbolic link with the applet's name:
    iptables, ip6tables                   one command, as iptables(8) has them
    iptables-save, ip6tables-save         tables as text
    iptables-restore, ip6tables-restore   text as tables
    iptables-nft…, iptables-legacy…       the same of nf_tables, or of ip_tables; a plain name is for what holds rules
    iptables-xml                          the text of tables as XML
    iptables-translate                    what is for iptables as what is for nft; also ip6tables-translate,
                                          iptables-restore-translate, ip6tables-restore-translate
    ipset                                 sets, as ipset(8) has them

  xtables capture [-6] TABLE              the bytes of a table, as JSON
  xtables show FILE                       the tables of a file of captures, as text
  xtables dump --json [-6] [TABLE]        rules as dictionaries; --sets: all, with the ipsets
  xtables apply --json [-6] [FILE]        make tables what a dump says (from standard input unless said)
  xtables plan [-6] OWNED [FILE]          what has to be done so that chains are as a text or a dump says; --json
  xtables apply [-6] OWNED [FILE]         do it: OWNED is --tables, --chain NAME … or --prefix NAME;
                                          --jumps CHAIN=first|last|before:RULE|after:RULE: where jumps to them stand;
                                          --confirm SECONDS: it is taken back unless confirmed by then
  xtables confirm|rollback DIRECTORY      keep what was applied so, or take it back at once
  xtables trace [-6] [-p tcp] [-s ADDRESS] [--dport PORT] [-i NAME] … [FILE]
                                          which rules such a packet would meet, and what becomes of it; --all, --json
  xtables lint [-6] [FILE [FILE6]]        what is wrong in tables, or of no use; --json, --no-session
  xtables list [-t TABLE] [-4|-6]         what tables hold, with counters: --tree: jumps as a tree; --json
  xtables graph [-t TABLE] [-4|-6]        chains and jumps as a graph: --format mermaid|dot|svg; --json
  xtables top [-t TABLE] [-4|-6]          which rules packets meet now: -d SECONDS, -n COUNT, --json; q ends it
  xtables metrics [-t TABLE] [-4|-6]      counters of rules with comments as OpenMetrics: --chain NAME, --prefix NAME for the
                                          rules of these chains; --listen [HOST:]PORT serves them
  xtables ui                              all of this as a page in a browser on this machine: its address has a token;
                                          --port PORT, -d SECONDS, --allow-apply, --no-session
  xtables monitor [-4|-6] [-t] [TABLE]    changes of nf_tables as they are made; --trace: packets that TRACE marks;
                                          --json: a line of JSON each
  xtables migrate legacy|nft nft|legacy   move tables to the other packet filter: --dry-run, --replace, --clear, --table NAME, --json
  xtables batch                           commands from standard input, one a line; of each, its exit status
  xtables help [MATCH | TARGET]           this, or the options of a match or target
  xtables --version

Before all other words, and right behind an applet's name:
  --netns NAME|PATH|PID                   the tables of another network namespace
  --kernel linux|memory                   memory is a kernel in this process, for which no Linux is needed
  --state FILE                            with --kernel memory: the file that it keeps its tables in
  --backend legacy|nft                    where the tables are, with a plain name
  --rewrite NAME[,NAME]                   write back what the kernel does not tell in full, such as 'CT --timeout'
  --find-refused                          where the kernel refuses several rules, try which of them it is

Examples:
  xtables iptables -A INPUT -p tcp --dport 22 -j ACCEPT
  xtables --netns blue iptables-save
  ln -s "$(command -v xtables)" /usr/local/bin/iptables && iptables -S
  xtables capture filter > filter.json && xtables show filter.json
  xtables --kernel memory --state filter.json iptables -I INPUT -s 10.0.0.0/8 -j DROP
  xtables dump --json filter | jq .INPUT
  xtables help conntrack
`
