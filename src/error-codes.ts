/**
 * Every `code` of an error of this library: its class, its meaning, and what to do about it. docs/errors.md is
 * generated from this table. Codes are part of the public interface: their meaning stays the same when a message
 * changes.
 */

interface Described {
  /** The class of the errors with this code; derived classes may use it too. */
  readonly class: string
  readonly meaning: string
  readonly remedy: string
}

const describe = <const C extends Readonly<Record<`XT_${string}`, Described>>>(codes: C): C => codes

export const ERROR_CODES = describe({
  // Arguments of a function

  XT_BAD_ARGUMENT: {
    class: 'IptcError',
    meaning: 'A function was called with an argument that it does not take.',
    remedy: 'Pass what the message names. TypeScript finds most of these when the program is compiled.',
  },
  XT_BAD_OPTION: {
    class: 'IptcError',
    meaning: 'An option does not exist, has a value that it does not take, or contradicts another one.',
    remedy: 'Correct the name or the value, or give one of the two. An option that is `undefined` counts as not given.',
  },
  XT_BAD_JSON: {
    class: 'IptcError',
    meaning: 'A text is not JSON, or has a key twice in one object.',
    remedy: 'Correct the text at the place that the message names.',
  },
  XT_BAD_PACKET: {
    class: 'IptcError',
    meaning: 'The description of a packet to trace contradicts itself, or has a value that no packet can have.',
    remedy: 'Correct the property that the message names; see docs/tracing.md.',
  },
  XT_BAD_SETS: {
    class: 'IptcError',
    meaning: 'The description of sets in a dump cannot be carried out. Nothing has been written.',
    remedy: 'Correct the set, or the entry, that the message names. `cause` has the original error, if there is one.',
  },
  XT_BAD_CAPTURE: {
    class: 'IptcError',
    meaning: 'A capture or a netlink recording is damaged, or is not of what is asked for.',
    remedy: 'Capture or record again. A `MemoryKernel` loads each table of nf_tables once.',
  },
  XT_WRONG_HANDLE: {
    class: 'IptcError',
    meaning: 'A chain or batch of one table is used where another table is meant.',
    remedy: 'Use the handle of the table itself, or pass the name of the chain.',
  },

  // Closed objects

  XT_CLOSED: {
    class: 'IptcError',
    meaning: 'The table, batch or namespace is closed.',
    remedy: 'Open another one. A table that `using` declares is closed at the end of its block.',
  },
  XT_BUSY: {
    class: 'IptcError',
    meaning: 'The handle is in the middle of another operation or of a transaction.',
    remedy: 'Await that one first, make the call within it where the message says so, or use another handle.',
  },
  XT_UNCOMMITTED: {
    class: 'IptcError',
    meaning: 'The table has edits that are not committed, and the call would mix with them.',
    remedy: 'Call `commit` to write the edits, or `refresh` to drop them.',
  },
  XT_TRANSACTION_ENDED: {
    class: 'IptcError',
    meaning: 'An outer transaction ended before the one within it. The edits of the inner one are lost.',
    remedy: 'Await the inner transaction within the function of the outer one.',
  },

  // The command

  XT_COMMAND: {
    class: 'IptcError',
    meaning: 'An `xtables` command was given words that it does not take, or cannot do what they ask.',
    remedy: '`xtables help` and `xtables COMMAND --help` show what is accepted.',
  },
  XT_FILE: {
    class: 'IptcError',
    meaning: 'A file cannot be read or written, or a port cannot be listened on.',
    remedy: 'The message has the file or the port and the errno; `cause` has the error of Node.',
  },

  // Parameters, extensions and text of rules

  XT_BAD_VALUE: {
    class: 'XtablesError',
    meaning: 'A parameter cannot have this value, or cannot be negated. The object is as it was before.',
    remedy: '`expected` says what is accepted; docs/extensions.md has every parameter.',
  },
  XT_UNKNOWN_PARAMETER: {
    class: 'XtablesError',
    meaning: 'The match, the target or the rule has no parameter, option or dictionary key of this name.',
    remedy: 'Correct the name; `expected` lists those that exist.',
  },
  XT_MISSING_PARAMETER: {
    class: 'XtablesError',
    meaning: 'A required parameter is missing.',
    remedy: 'Set the parameter; `parameter` has its name, `expected` all that would do.',
  },
  XT_CONFLICTING_PARAMETERS: {
    class: 'XtablesError',
    meaning: 'Two parameters exclude each other, or one parameter is given twice.',
    remedy: 'Give one of them, or make two rules.',
  },
  XT_UNKNOWN_EXTENSION: {
    class: 'XtablesError',
    meaning: 'There is no match or target of this name in this family, or this revision of it is unknown.',
    remedy:
      'Correct the name; docs/extensions.md lists them. Unknown ones can be given as bytes: `{ revision, payload }`.',
  },
  XT_READ_ONLY: {
    class: 'XtablesError',
    meaning: 'An assignment would have no effect: the property does not exist, or can only be read.',
    remedy: 'Use what the message names in its place.',
  },
  XT_BAD_NAME: {
    class: 'XtablesError',
    meaning: 'A chain cannot have this name.',
    remedy:
      'Choose a name of 1 to 28 bytes without spaces that is not the name of a target and does not begin with `-` or `!`.',
  },
  XT_BAD_POSITION: {
    class: 'XtablesError',
    meaning: 'The chain has no such position.',
    remedy: '`expected` says which there are. Positions of objects count from 0, those of `easy` and of text from 1.',
  },
  XT_BAD_DICTIONARY: {
    class: 'XtablesError',
    meaning: 'A dictionary is not of the form that rules have.',
    remedy: '`path` leads to the value that is wrong; schema/rule.schema.json describes the form.',
  },
  XT_WRONG_RULE: {
    class: 'XtablesError',
    meaning: 'A rule, match or target is used where it does not belong: in another family, or in another rule.',
    remedy:
      'Make it with `createMatch` or `createTarget` of the rule that is to have it, and use `Rule6` with `Table6`.',
  },
  XT_SYNTAX: {
    class: 'XtablesError',
    meaning: 'A text is not a rule or a command in the language of iptables.',
    remedy:
      'Correct the word that the message names. The message begins with the text of iptables; what is accepted follows, and is in `expected`, where that is known.',
  },
  XT_BAD_PLAN: {
    class: 'XtablesError',
    meaning: 'The data of a plan are damaged or contradict themselves.',
    remedy: 'Make the plan again with `reconcile`.',
  },

  // Texts of tables and sets

  XT_RESTORE_SYNTAX: {
    class: 'RestoreError',
    meaning:
      'A line of restore text is not understood. Nothing of its table has been written; tables before it have been.',
    remedy: 'Correct the line; `line` has its number.',
  },
  XT_RESTORE_REFUSED: {
    class: 'RestoreError',
    meaning:
      'A line of restore text asks for what cannot be done. Nothing of its table has been written; tables before it have been.',
    remedy: '`reason` says why, `line` where; `cause` may have more.',
  },
  XT_SET_SYNTAX: {
    class: 'SetTextError',
    meaning: 'A word in a text about sets is not what it has to be, has no place there, or is missing.',
    remedy: 'Correct the text; docs/sets.md has the entries and options of each type. `kind` tells the cases apart.',
  },

  // Rules and chains of a table

  XT_CHAIN_EXISTS: {
    class: 'RuleError',
    meaning: 'There is a chain of this name already.',
    remedy: 'Use that chain, or choose another name. `isChain` tells whether a chain exists.',
  },
  XT_CHAIN_NOT_EMPTY: {
    class: 'RuleError',
    meaning: 'The chain has rules, or a policy other than ACCEPT, and cannot be deleted.',
    remedy: 'Flush the chain first.',
  },
  XT_CHAIN_IN_USE: {
    class: 'RuleError',
    meaning: 'Rules refer to the chain, so that it cannot be deleted.',
    remedy: 'Delete those rules first, in the same transaction.',
  },
  XT_BUILTIN_CHAIN: {
    class: 'RuleError',
    meaning: 'A built-in chain cannot be deleted or renamed.',
    remedy: 'Flush it, or work on a chain of your own.',
  },
  XT_BAD_POLICY: {
    class: 'RuleError',
    meaning: 'The chain cannot have this policy: it is not built in, or it is one of table nat.',
    remedy:
      'Append a rule without matches, such as `-j DROP`, to a chain of your own. Drop packets in table filter, as nat sees only the first one of a connection.',
  },
  XT_NO_POSITION: {
    class: 'RuleError',
    meaning: 'A line of text names a rule by a number that its chain does not have.',
    remedy: 'Numbers count from 1; the message says which are accepted.',
  },
  XT_NO_DESTINATION: {
    class: 'RuleError',
    meaning: 'A rule goes to a chain that does not exist.',
    remedy: 'Create the chain first, in the same transaction.',
  },
  XT_RULE_MISPLACED: {
    class: 'RuleError',
    meaning: 'The rule cannot stand in this table or chain, as with `-i` in OUTPUT.',
    remedy: '`reason` says what does not fit; put the rule where it does.',
  },
  XT_RULE_INVALID: {
    class: 'RuleError',
    meaning: 'The kernel would refuse the rule. It was checked before, and nothing has been written.',
    remedy: '`reason` says what the kernel demands; `position`, `extension` and `parameter` say of what.',
  },
  XT_RULE_REFUSED: {
    class: 'RuleError',
    meaning: 'The kernel refused the rule, or the change of a chain. Nothing has been written.',
    remedy:
      '`reason` has what is known. `cause` is the `KernelError`, whose `log` has what the kernel logged meanwhile.',
  },
  XT_RULE_NOT_COPIED: {
    class: 'RuleError',
    meaning:
      'The kernel does not hand out a part of this rule as it was given, so that writing it again would change it.',
    remedy: 'Replace or delete the rule in the same edit, or allow the loss with the option `rewrite`.',
  },
  XT_FOREIGN_RULE: {
    class: 'RuleError',
    meaning: 'A rule or a chain of nft that iptables cannot express stands in the way.',
    remedy: 'Change it with nft, flush its chain by name, or delete it by number.',
  },
  XT_NO_NFT_FORM: {
    class: 'RuleError',
    meaning: 'The rule has no form in nf_tables.',
    remedy: 'Say the same with other words, as the message proposes, or use the backend legacy.',
  },
  XT_NOT_OWNED: {
    class: 'RuleError',
    meaning: 'What is desired would change a chain or a rule that is not yours.',
    remedy: 'Add the chain to the option `owns`, or take it out of what is desired.',
  },

  // Sets

  XT_SET_INVALID: {
    class: 'SetError',
    meaning: 'A set, or an entry, cannot be what was asked. The kernel was not asked.',
    remedy: '`reason` says what is accepted; docs/sets.md has the entries and options of each type.',
  },
  XT_SET_EXISTS: {
    class: 'SetError',
    meaning: 'There is a set of this name already.',
    remedy: 'Open it with `IpSet.open`, or pass `{ exist: true }` to take one that was made alike.',
  },
  XT_SET_OTHER_TYPE: {
    class: 'SetError',
    meaning: 'The set is of another type or family, or was made with other options.',
    remedy: 'Name the type that it has, or make a new set and swap the two.',
  },
  XT_SET_IN_USE: {
    class: 'SetError',
    meaning: 'A rule, another set or a reading refers to the set.',
    remedy: 'Delete the rules that use it first; to replace its entries, use `replace` or `swap`.',
  },
  XT_SET_FULL: {
    class: 'SetError',
    meaning: 'The set holds as many entries as it was made for.',
    remedy: 'Make a set with a larger `maxelem` (`size` of a list) and swap the two.',
  },
  XT_ENTRY_EXISTS: {
    class: 'SetError',
    meaning: 'The entry is in the set already.',
    remedy: 'Pass `{ exist: true }` where that is no error.',
  },
  XT_NO_ENTRY: {
    class: 'SetError',
    meaning: 'The entry is not in the set.',
    remedy: 'Pass `{ exist: true }` where that is no error.',
  },
  XT_SET_REFUSED: {
    class: 'SetError',
    meaning: 'The kernel refused the set or the entry for another reason.',
    remedy: '`reason` says which; `errnoName` has its name, such as `IPSET_ERR_TIMEOUT`.',
  },

  // Things that do not exist

  XT_NO_TABLE: {
    class: 'NotFoundError',
    meaning: 'There is no table of this name.',
    remedy: 'The tables are filter, nat, mangle, raw and security.',
  },
  XT_NO_CHAIN: {
    class: 'NotFoundError',
    meaning: 'The table has no chain of this name.',
    remedy: 'Create it with `createChain`. `isChain` tells whether a chain exists. Names are case-sensitive.',
  },
  XT_NO_RULE: {
    class: 'NotFoundError',
    meaning: 'The chain has no such rule.',
    remedy: 'Rules are compared as a whole, without their counters; `chain.rules` has those that exist.',
  },
  XT_NO_SET: {
    class: 'NotFoundError',
    meaning: 'There is no set of this name.',
    remedy: 'Create it with `IpSet.create`. `IpSet.names` lists those of this network namespace.',
  },
  XT_NO_NAMESPACE: {
    class: 'NotFoundError',
    meaning: 'There is no such network namespace.',
    remedy: 'The message has what was tried. `ip netns list` shows those with a name.',
  },

  // Concurrent changes

  XT_CONFLICT: {
    class: 'ConflictError',
    meaning: 'Another program changed the table between reading and writing. Nothing has been written.',
    remedy: 'Call `refresh` and make the edits again; a transaction does so by itself.',
  },
  XT_CHANGED_WHILE_READ: {
    class: 'ConflictError',
    meaning: 'The table was changed while it was read, by other programs each time that it was tried, or by this one.',
    remedy: 'Try again later, and find out who writes so often: `xtables monitor` shows the changes of nf_tables.',
  },
  XT_PLAN_OUTDATED: {
    class: 'ConflictError',
    meaning: 'A chain has changed since the plan was made, or the plan is not kept any more. Nothing has been written.',
    remedy: 'Make the plan again.',
  },
  XT_LOCK_TIMEOUT: {
    class: 'LockTimeoutError',
    meaning: 'Another program, or another thread, held the lock of the tables for the whole wait.',
    remedy: 'Try again, or wait longer with `lockTimeoutMs`. `fuser /run/xtables.lock` shows who holds it.',
  },
  XT_LOCK_DEADLOCK: {
    class: 'LockTimeoutError',
    meaning:
      'A synchronous call would have to wait for an asynchronous one of the same thread, which cannot go on meanwhile.',
    remedy: 'Await the asynchronous call first, or use the asynchronous form here too.',
  },

  // Permissions, and features that are missing

  XT_NOT_PERMITTED: {
    class: 'PermissionError',
    meaning: 'The process lacks a capability: CAP_NET_ADMIN, CAP_NET_RAW or, for other namespaces, CAP_SYS_ADMIN.',
    remedy:
      'Run as root, or in a namespace of your own with `unshare -rn`; docs/privileges.md has which call needs what.',
  },
  XT_FILE_NOT_PERMITTED: {
    class: 'PermissionError',
    meaning: 'A file may not be opened: the lock file, the file of a namespace, or one of /proc.',
    remedy: '`path` has the file. For the lock, XTABLES_LOCKFILE can name another file, the same for all programs.',
  },
  XT_TABLE_OWNED: {
    class: 'PermissionError',
    meaning: 'The table of nf_tables belongs to a program that runs, and only that may change it.',
    remedy: 'Have that program make the change, or end it.',
  },
  XT_UNSUPPORTED_PLATFORM: {
    class: 'UnsupportedError',
    meaning: 'This is not Linux on x64 or arm64, so that its kernel cannot be reached.',
    remedy: 'Use a `MemoryKernel`, which works everywhere.',
  },
  XT_FFI_MISSING: {
    class: 'UnsupportedError',
    meaning: 'The package ffi-rs cannot be loaded, or is too old.',
    remedy: 'Install without `--omit=optional`, and on the platform that the program runs on.',
  },
  XT_NO_LEGACY: {
    class: 'UnsupportedError',
    meaning: 'This kernel has no ip_tables or ip6_tables.',
    remedy: 'Load the module that the message names, or use the backend nft; `detectBackend` says which is in use.',
  },
  XT_NO_TABLE_MODULE: {
    class: 'UnsupportedError',
    meaning: 'This kernel has ip_tables, but not this table.',
    remedy: 'Load the module that the message names.',
  },
  XT_NO_NFTABLES: {
    class: 'UnsupportedError',
    meaning: 'This kernel has no nf_tables, or only a part of it.',
    remedy: 'Load the module nf_tables, or use the backend legacy.',
  },
  XT_NO_NETLINK: {
    class: 'UnsupportedError',
    meaning: 'This kernel lacks a netlink protocol, an address family or a scratch namespace that the call needs.',
    remedy: 'Use a kernel that has it; a `MemoryKernel` has the netlink protocol of nf_tables and ipset.',
  },
  XT_NO_IPSET: {
    class: 'UnsupportedError',
    meaning: 'This kernel has no ipset, or speaks another version of it.',
    remedy: 'Load the module ip_set.',
  },
  XT_NO_SET_TYPE: {
    class: 'UnsupportedError',
    meaning: 'This kernel, or this library, does not have the type of sets, its revision or one of its options.',
    remedy: 'Load the module that the message names, or do without the option.',
  },
  XT_NO_EXTENSION: {
    class: 'UnsupportedError',
    meaning: 'This kernel does not have the match or target, or not the revision that is written.',
    remedy: 'Load the module that the message names, or install the package that has it.',
  },
  XT_NOT_WATCHABLE: {
    class: 'UnsupportedError',
    meaning: 'Changes of this table cannot be watched: the kernel tells nobody of changes to ip_tables.',
    remedy: 'Watch a table of the backend nft; docs/watching.md has what else can be done.',
  },

  // Errors from the kernel

  XT_KERNEL: {
    class: 'KernelError',
    meaning: 'A system call, or a netlink request, failed for a reason that none of the other codes stands for.',
    remedy: '`errnoName` has the errno, `operation` what was tried, `log` what the kernel logged meanwhile.',
  },
  XT_COUNTERS_LOST: {
    class: 'CountersError',
    meaning:
      'The edit was made, but the counters of the rules that stayed begin at zero. No other error leaves a table changed.',
    remedy: 'Do not repeat the edit. `cause` says why the kernel did not take the counters.',
  },
  XT_BAD_BLOB: {
    class: 'BlobError',
    meaning: 'Bytes are not a table: they are cut off, damaged, or laid out as no kernel does.',
    remedy:
      'If they are a capture, capture again. If they are from a kernel, please report it as a bug, with a capture.',
  },
  XT_BAD_MESSAGE: {
    class: 'MessageError',
    meaning: 'Bytes are not a netlink message: they are cut off, damaged, or not of the kind that was asked for.',
    remedy:
      'If they are a capture, capture again. If they are from a kernel, please report it as a bug, with a recording.',
  },

  // Migration between ip_tables and nf_tables

  XT_MIGRATION_BLOCKED: {
    class: 'MigrationError',
    meaning: 'A table cannot be moved. It has not been cleared.',
    remedy: 'Remove the obstacle that the message names; with `dryRun`, the plan lists all of them.',
  },
  XT_MIGRATION_FAILED: {
    class: 'MigrationError',
    meaning: 'A table could not be moved to the end. `plan` says what has been written and cleared.',
    remedy: '`cause` says why. Where tables stand on both sides, packets meet both.',
  },
})

type Codes = typeof ERROR_CODES

/**
 * What `error.code` can be. Codes stay the same from one version to the next; messages do not. docs/errors.md has them all.
 * @since 0.1.0
 */
export type ErrorCode = keyof Codes

/**
 * The codes that come with a class of errors.
 * @since 0.1.0
 */
export type CodeOf<Class extends Codes[ErrorCode]['class']> = {
  [C in ErrorCode]: Codes[C]['class'] extends Class ? C : never
}[ErrorCode]
