/** System calls that fail, by strace: each ends in its error or is made again, and the table is as it was. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { save } from '../src/index'
import { resultOf, Stage } from './stage'

/** Which call, how it fails, which times, and what comes of it: `done`, or the error. */
type Fault = readonly [call: 'getsockopt' | 'setsockopt' | 'flock' | 'socket', errno: string, when: string, end: RegExp]

/** strace counts the calls of each thread by itself: off the main thread each may be the first. */
const ONCE = '1'
const SECOND = '2'
const FROM_SECOND = '2+'
const FOURTH = '4'
const ALWAYS = '1+'
const DONE = /^done$/
const WRITTEN = /^CountersError/

const FAULTS: readonly Fault[] = [
  ['getsockopt', 'EINTR', ONCE, DONE],
  ['getsockopt', 'EINTR', ALWAYS, /^KernelError: GET_INFO filter: EINTR/],
  // The second is GET_ENTRIES: the table was another when its size was asked.
  ['getsockopt', 'EAGAIN', SECOND, DONE],
  ['getsockopt', 'ENOMEM', SECOND, /^KernelError: GET_ENTRIES filter: ENOMEM/],
  ['getsockopt', 'ENOMEM', ALWAYS, /^KernelError: GET_INFO filter: ENOMEM/],
  ['getsockopt', 'EPERM', ALWAYS, /^PermissionError: GET_INFO filter/],
  ['getsockopt', 'ENOPROTOOPT', ALWAYS, /^UnsupportedError: this kernel has no legacy ip_tables/],
  ['getsockopt', 'ENOENT', ALWAYS, /^UnsupportedError: this kernel has no ipv4 table filter/],
  // The fourth asks for the revision of an extension, behind GET_INFO, GET_ENTRIES and GET_INFO.
  ['getsockopt', 'ENOENT', FOURTH, /^UnsupportedError: this kernel has no match tcp revision 0/],
  ['getsockopt', 'EINTR', FOURTH, DONE],
  ['setsockopt', 'EINTR', ONCE, DONE],
  ['setsockopt', 'EINTR', '1..3', DONE],
  ['setsockopt', 'EINTR', ALWAYS, /^KernelError: SET_REPLACE filter: EINTR/],
  ['setsockopt', 'EAGAIN', ONCE, DONE],
  ['setsockopt', 'EAGAIN', ALWAYS, /^ConflictError: table filter/],
  ['setsockopt', 'ENOMEM', ALWAYS, /^KernelError: SET_REPLACE filter: ENOMEM/],
  ['setsockopt', 'EPERM', ALWAYS, /^PermissionError: SET_REPLACE filter/],
  ['setsockopt', 'E2BIG', ALWAYS, /^KernelError: SET_REPLACE filter: E2BIG/],
  // The second is SET_ADD_COUNTERS: the table is written by then.
  ['setsockopt', 'EINTR', SECOND, DONE],
  ['setsockopt', 'EAGAIN', SECOND, DONE],
  ['setsockopt', 'ENOMEM', SECOND, DONE],
  ['setsockopt', 'ENOMEM', FROM_SECOND, WRITTEN],
  ['setsockopt', 'EPERM', SECOND, WRITTEN],
  ['flock', 'EINTR', '1..3', DONE],
  ['flock', 'EINTR', ALWAYS, /^LockTimeoutError/],
  ['flock', 'ENOLCK', ALWAYS, /^KernelError: flock: ENOLCK/],
  ['socket', 'EPERM', ALWAYS, /^PermissionError/],
  ['socket', 'EAFNOSUPPORT', ALWAYS, /^UnsupportedError: this kernel has no ipv4/],
  ['socket', 'EMFILE', ALWAYS, /^KernelError: socket ipv4: EMFILE/],
]

const WAYS = ['edit', 'async', 'easy']
/** Where all calls are made by one thread. */
const isPossible = ([, , when]: Fault, way: string): boolean => when.startsWith('1') || way !== 'async'

async function fail(stage: Stage, [call, errno, when, end]: Fault, way: string): Promise<void> {
  stage.shell(`iptables-legacy -F; iptables-legacy -A OUTPUT ${COUNTED}`)
  const before = linesOf(stage)
  const log = join(stage.folder, 'strace')
  const inject = `${call}:error=${errno}:when=${when}`
  const options = ['-f', '-qq', '-o', log, '-e', `trace=${call}`, '-e', 'signal=none', '-e', `inject=${inject}`]
  const { end: result, ...left } = resultOf<{ end: string; holdsLock: boolean; leaked: number }>(
    await stage.runActorTraced(options, 'edit-once', way),
  )
  const about = `${call} ${errno} ${when}, ${way}`
  if (!readFileSync(log, 'utf8').includes('(INJECTED)')) throw new Error(`${about}: nothing failed`)
  if (!end.test(result)) throw new Error(`${about}: ended in ${result}, expected ${end}`)
  const after = linesOf(stage)
  const isWritten = end === DONE || end === WRITTEN
  if ((after.join() === before.join()) === isWritten)
    throw new Error(`${about}: ended in ${result}, and the table is\n${after.join('\n')}`)
  const isCounted = after.some((line) => line.startsWith('[7:700]'))
  if (isCounted === (end === WRITTEN))
    throw new Error(`${about}: ended in ${result}, and counters are\n${after.join('\n')}`)
  if (left.holdsLock || left.leaked > 0) throw new Error(`${about}: left behind ${JSON.stringify(left)}`)
}

/** A rule that stays. */
const COUNTED = '-c 7 700 -s 10.8.8.8 -j RETURN'

/** Comments have the time in them. */
const linesOf = ({ namespace }: Stage): string[] =>
  save({ namespace, tables: ['filter'], counters: true })
    .split('\n')
    .filter((line) => !line.startsWith('#'))

/** @param ways in how many ways each fault is tried */
export async function faults(ways: number): Promise<string> {
  using stage = new Stage()
  const tried = WAYS.slice(0, ways)
  const cases = FAULTS.flatMap((fault) =>
    tried.filter((way) => isPossible(fault, way)).map((way) => [fault, way] as const),
  )
  for (const [fault, way] of cases) await fail(stage, fault, way)
  return `${cases.length} faults (${tried.join(', ')}): each ended as documented, the table as it was, nothing left open`
}
