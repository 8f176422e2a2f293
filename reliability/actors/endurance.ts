/** Operations without end, with a look at what the process holds now and then. */
import {
  Chain,
  ConflictError,
  easy,
  IptcError,
  LockTimeoutError,
  NetworkNamespace,
  Rule,
  save,
  Table,
} from '../../src/index'
import { collect, type Holdings, holdings, type Memory, memory } from './holdings'

export interface Sample extends Holdings, Memory {
  readonly operations: number
}

/** Enough for the slope of a line through them to mean something. */
const SAMPLES = 50

async function sampleAt(operations: number): Promise<Sample> {
  await collect()
  return { operations, ...memory(), ...holdings() }
}

/** @throws unless `body` throws one of `type` */
async function fails(type: abstract new (...args: never[]) => Error, body: () => unknown): Promise<void> {
  try {
    await body()
  } catch (error) {
    if (error instanceof type) return
    throw error
  }
  throw new Error(`no ${type.name}`)
}

const RULE = Rule.parse('-p tcp -m tcp --dport 22 -m comment --comment x -j ACCEPT')

/** How often each is done in a thousand operations, and what. */
function operations(table: Table): readonly (readonly [number, () => unknown])[] {
  const input = new Chain(table, 'INPUT')
  const appendAndDelete = (): void => {
    input.appendRule(RULE)
    input.deleteRule(RULE)
  }
  const deferred = new Table('filter', { autocommit: false })
  return [
    [600, () => table.refresh()],
    [200, () => easy.dumpChain('filter', 'INPUT')],
    [50, () => save({ tables: ['filter'] })],
    [10, appendAndDelete],
    [10, () => table.transaction(appendAndDelete)],
    [10, () => table.transactionAsync(() => void table.isChain('x'))],
    [40, () => table.refreshAsync()],
    [40, () => fails(IptcError, () => input.appendRule(Rule.parse('-m tcp --dport 22')))],
    [
      10,
      () => {
        deferred.refresh()
        deferred.createChain('y')
        table.createChain('z')
        const outcome = fails(ConflictError, () => deferred.commit())
        table.deleteChain('z')
        deferred.refresh()
        return outcome
      },
    ],
    [
      10,
      async () => {
        const held = table.transactionAsync(() => new Promise<void>((resolve) => void setImmediate(resolve)))
        await fails(LockTimeoutError, () => deferred.transactionAsync(() => {}, { lockTimeoutMs: 0 }))
        await held
      },
    ],
    [10, () => new Table('filter').chains],
    [10, () => NetworkNamespace.open('/proc/self/ns/net').close()],
  ]
}

/** @param total how many operations */
export async function endure(total: number): Promise<void> {
  const mix = operations(new Table('filter')).flatMap(([times, operation]) => Array(times).fill(operation))
  const samples: Sample[] = []
  const every = Math.ceil(total / SAMPLES)
  for (let done = 0; done < total; done++) {
    // 389 is prime to the length of the mix, so that all of it comes up, and the rare ones are spread.
    await mix[(done * 389) % mix.length]()
    if ((done + 1) % every === 0) samples.push(await sampleAt(done + 1))
  }
  process.stdout.write(JSON.stringify(samples))
}
