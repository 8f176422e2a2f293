/** System calls that fail, by strace: each ends in its error or is made again, and the table is as it was. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { save } from '../src'
import { resultOf, Stage } from './stage'

/** Which call, how it fails, which times, and what comes of it: `done`, or the error. */
type Fault = readonly [call: 'getsockopt' | 'setsockopt' | 'flock' | 'socket', errno: string, when: string, end: RegExp]

/** strace counts the calls of each thread by itself: off the main thread each may be the first. */
const ONCE = '1'
const SECOND = '2'
const ALWAYS = '1+'
const DONE = /^done$/

const FAULTS: readonly Fault[] = [
  ['getsockopt', 'EINTR', ONCE, DONE],
  ['getsockopt', 'EINTR', ALWAYS, /^KernelError: GET_INFO filter: EINTR/],
  // The second is GET_ENTRIES: the table was another when its size was asked.
  ['getsockopt', 'EAGAIN', SECOND, DONE],
  ['getsockopt', 'ENOMEM', SECOND, /^KernelError: GET_ENTRIES filter: ENOMEM/],
  ['getsockopt', 'ENOMEM', ALWAYS, /^KernelError: GET_INFO filter: ENOMEM/],
  ['getsockopt', 'EPERM', ALWAYS, /^PermissionError: GET_INFO filter/],
  ['getsockopt', 'ENOPROTOOPT', ALWAYS, /^UnsupportedError: this kernel has no legacy ip_tables/],
  ['setsockopt', 'EINTR', ONCE, DONE],
  ['setsockopt', 'EINTR', '1..3', DONE],
  ['setsockopt', 'EINTR', ALWAYS, /^KernelError: SET_REPLACE filter: EINTR/],
  ['setsockopt', 'EAGAIN', ONCE, DONE],
  ['setsockopt', 'EAGAIN', ALWAYS, /^ConflictError: table filter/],
  ['setsockopt', 'ENOMEM', ALWAYS, /^KernelError: SET_REPLACE filter: ENOMEM/],
  ['setsockopt', 'EPERM', ALWAYS, /^PermissionError: SET_REPLACE filter/],
  ['setsockopt', 'E2BIG', ALWAYS, /^KernelError: SET_REPLACE filter: E2BIG/],
  ['flock', 'EINTR', '1..3', DONE],
  ['flock', 'EINTR', ALWAYS, /^LockTimeoutError/],
  ['flock', 'ENOLCK', ALWAYS, /^KernelError: flock: ENOLCK/],
  ['socket', 'EPERM', ALWAYS, /^PermissionError/],
  ['socket', 'EMFILE', ALWAYS, /^KernelError: socket ipv4: EMFILE/],
]

const WAYS = ['edit', 'async', 'easy']
/** Where all calls are made by one thread. */
const isPossible = ([, , when]: Fault, way: string): boolean => when !== SECOND || way !== 'async'

async function fail(stage: Stage, [call, errno, when, end]: Fault, way: string): Promise<void> {
  stage.shell('iptables-legacy -F')
  const before = save({ namespace: stage.namespace, tables: ['filter'] })
  const log = join(stage.folder, 'strace')
  const inject = `${call}:error=${errno}:when=${when}`
  const options = ['-f', '-qq', '-o', log, '-e', `trace=${call}`, '-e', 'signal=none', '-e', `inject=${inject}`]
  const { end: result, ...left } = resultOf<{ end: string; holdsLock: boolean; leaked: number }>(
    await stage.runActorTraced(options, 'edit-once', way),
  )
  const about = `${call} ${errno} ${when}, ${way}`
  if (!readFileSync(log, 'utf8').includes('(INJECTED)')) throw new Error(`${about}: nothing failed`)
  if (!end.test(result)) throw new Error(`${about}: ended in ${result}, expected ${end}`)
  const after = save({ namespace: stage.namespace, tables: ['filter'] })
  const isSame = withoutComments(after) === withoutComments(before)
  if (isSame === (result === 'done')) throw new Error(`${about}: ended in ${result}, and the table is\n${after}`)
  if (left.holdsLock || left.leaked > 0) throw new Error(`${about}: left behind ${JSON.stringify(left)}`)
}

/** Comments have the time in them. */
const withoutComments = (text: string): string => text.replace(/^#.*$/gm, '')

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
