/**
 * Runs the same command lines with iptables-legacy and with our command, each in its own network namespace. Exit
 * status, output, listing and bytes in the kernel must be equal, and also the messages if the data says so.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import type { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { splitWords } from '../../src/language/quoting'
import { commandFiles, type Sequence } from '../cli/cases'
import { type CommandDeviation, commandDeviations, explained } from '../cli/deviations'
import { ourIptables } from '../support/applets'
import { bundledCommand } from '../support/bundle'
import { bytesOf } from '../support/bytes'
import { type Outcome, run } from '../support/run-program'
import { newNamespace } from './legacy'

/** Our help is different, and so is what `-vv` adds, which is for debugging libiptc. */
const isOwnText = (words: readonly string[]): boolean => words.some((word) => /^-[hV]$|^-vv/.test(word))

const theirs = (namespace: NetworkNamespace, family: FamilyName, words: readonly string[]): Outcome =>
  namespace.run(() => run(family === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy', words))

/** The deviations that occurred. */
const applied = new Set<CommandDeviation>()

function differences(sequence: Sequence, family: FamilyName, messages: boolean): string[] {
  const [their, our] = [newNamespace(), newNamespace()]
  const [theirKernel, ourKernel] = [new LinuxKernel({ namespace: their }), new LinuxKernel({ namespace: our })]
  const found: string[] = []
  const compare = (line: string, what: string, mine: unknown, other: unknown): void => {
    if (mine === other) return
    const deviation = explained(what, line)
    if (deviation !== undefined) applied.add(deviation)
    else found.push(`${family} ${line}\n  ${what}\n  ours   ${mine}\n  theirs ${other}`)
  }
  for (const line of sequence.lines) {
    const words = splitWords(line)
    const [other, mine] = [theirs(their, family, words), ourIptables(family, words, ourKernel)]
    compare(line, 'status', mine.status, other.status)
    if (isOwnText(words)) continue
    compare(line, 'stdout', mine.stdout, other.stdout)
    if (messages) compare(line, 'stderr', mine.stderr, other.stderr)
  }
  for (const table of theirKernel.tables(family)) {
    const listing = ['-t', table, '-S']
    compare(`-S of ${table}`, 'text', theirs(our, family, listing).stdout, theirs(their, family, listing).stdout)
    compare(
      `-S of ${table}`,
      'text',
      ourIptables(family, listing, ourKernel).stdout,
      theirs(their, family, listing).stdout,
    )
    compare(`bytes of ${table}`, 'bytes', bytesOf(ourKernel, family, table), bytesOf(theirKernel, family, table))
  }
  return found
}

describe.each(commandFiles)('$what', ({ messages, sequences }) => {
  const all = sequences.flatMap((sequence) =>
    sequence.families.map((family) => ({ family, first: sequence.lines[0], sequence })),
  )
  test.each(all)('$family, from $first on', ({ family, sequence }) => {
    expect(differences(sequence, family, sequence.messages ?? messages).join('\n')).toBe('')
  })
})

test('every deviation still applies', () => {
  expect(commandDeviations.filter((one) => !applied.has(one))).toEqual([])
})

describe('as a process', () => {
  /** Runs both commands in an environment with another network namespace and other host names. */
  function inPlace(script: string): Outcome {
    const hosts = '10.9.8.7 many\n10.9.8.6 many.example many\nfd00::1 many\n10.9.8.7 twice\n10.9.8.7 twice\n'
    const setUp = 'mount --bind "$HOSTS" /etc/hosts && mount --make-rprivate / 2>/dev/null;'
    const ours = `${process.execPath} ${bundledCommand()}`
    const directory = mkdtempSync(join(tmpdir(), 'xtables-hosts-'))
    const file = join(directory, 'hosts')
    writeFileSync(file, hosts)
    try {
      return run('env', [`HOSTS=${file}`, `OURS=${ours}`, 'unshare', '-n', '-m', 'bash', '-c', setUp + script])
    } finally {
      rmSync(directory, { recursive: true })
    }
  }

  test.each([
    ['iptables', 'many'],
    ['iptables', 'twice'],
    ['iptables', 'many/24'],
    ['ip6tables', 'many'],
    ['ip6tables', 'twice'],
  ])('%s creates a rule for every address of the host %s', (program, host) => {
    const script = (command: string): string =>
      `${command} -A INPUT -s ${host} -j ACCEPT; echo "status $?"; ${program}-legacy -S`
    const mine = inPlace(script(`$OURS ${program}`))
    expect(mine.stdout).toBe(inPlace(script(`${program}-legacy`)).stdout)
  })

  test.each(['-A INPUT', '-C INPUT', '-S', '-L -n'])(
    '%s waits for the lock for the given time, and then reports that it timed out',
    (words) => {
      const script = `exec 9<"$XTABLES_LOCKFILE"; flock 9; $OURS iptables -w 1 ${words}; echo "status $?"`
      const mine = inPlace(`touch "$XTABLES_LOCKFILE"; ${script}`)
      expect(mine).toMatchObject({ stdout: 'status 4\n' })
      expect(mine.stderr).toBe('Another app is currently holding the xtables lock. Stopped waiting after 1s.\n')
    },
  )

  test('uses the tables of another network namespace', () => {
    const mine = inPlace(
      'unshare -n sleep 60 & while [ /proc/$!/ns/net -ef /proc/self/ns/net ]; do sleep 0.1; done; ' +
        '$OURS --netns $! iptables -N elsewhere; nsenter -t $! -n iptables-legacy -S; ' +
        'iptables-legacy -S; kill $!',
    )
    expect(mine.stdout.match(/-N elsewhere/g)).toHaveLength(1)
  })

  test('keeps arguments that are not valid UTF-8 byte for byte', () => {
    const rule = `-A INPUT -i $'e\\xe9' -m comment --comment $'\\xff\\xfe \\xc3\\xa9'`
    const script = (command: string): string => `${command} ${rule}; echo "status $?"; iptables-legacy -S | od -c`
    expect(inPlace(script('$OURS iptables')).stdout).toBe(inPlace(script('iptables-legacy')).stdout)
  })

  test('reports in one line that its output cannot be written', () => {
    expect(inPlace('$OURS iptables -S > /dev/full; echo "status $?"')).toEqual({
      status: 0,
      stdout: 'status 1\n',
      stderr: 'xtables: cannot write standard output: No space left on device\n',
    })
    expect(inPlace('$OURS iptables --nonsense 2> /dev/full; echo "status $?"').stdout).toBe('status 2\n')
    expect(inPlace('$OURS iptables-restore < /; echo "status $?"')).toMatchObject({
      stdout: 'status 1\n',
      stderr: "Can't read standard input: Is a directory\n",
    })
  })

  test('loses nothing if many processes change a state file at the same time', () => {
    const state = '$OURS --kernel memory --state "$HOSTS.state" iptables'
    const mine = inPlace(`for i in 1 2 3 4 5 6; do ${state} -N c$i & done; wait; ${state} -S | grep -c -e -N`)
    expect(mine).toEqual({ status: 0, stdout: '6\n', stderr: '' })
  })
})
