/** A run of one kind: batches of inputs, each drawn from a seed of its own, so that a fault is found again at once. */
import fc from 'fast-check'
import { frugal, timed, unpolluted } from './guard'
import { type Kind, type Recipe, recipes } from './kind'
import { type Watchdog, watchdog } from './watchdog'

/** Inputs that one seed stands for. */
export const BATCH = 2000
/** In milliseconds: how long the least input that fails may be looked for. */
const PATIENCE = 60_000

export interface RunOptions {
  readonly seed: number
  readonly count: number
}

/** An input that does what none may, and how to have it again. */
export class FuzzFailure extends Error {
  constructor(kind: string, seed: number, input: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.stack : String(cause)
    super(`${kind}: npm run fuzz -- ${kind} --seed ${seed} --count ${BATCH}\n\n${input}\n\n${reason}`)
    this.name = 'FuzzFailure'
  }
}

/** Examines `count` inputs. @throws FuzzFailure for the first that fails, made as small as it can be */
export function run<T>(kind: Kind<T>, { seed, count }: RunOptions): void {
  const check = unpolluted()
  const dog = watchdog(kind.name)
  for (let done = 0; done < count; done += BATCH, seed++) {
    runBatch(kind, seed, Math.min(BATCH, count - done), dog)
    try {
      check()
    } catch (error) {
      throw new FuzzFailure(kind.name, seed, '(one of the batch)', error)
    }
  }
  dog.end()
}

/** Examines one input. @throws what is wrong with it */
export function runOne<T>(kind: Kind<T>, recipe: Recipe): void {
  const check = unpolluted()
  console.log(described(kind, recipe))
  examine(kind, recipe)
  check()
}

function runBatch<T>(kind: Kind<T>, seed: number, numRuns: number, dog: Watchdog): void {
  const property = fc.property(recipes, (recipe) => {
    dog.begin(recipe)
    examine(kind, recipe)
  })
  const { failed, counterexample, errorInstance } = fc.check(property, {
    seed,
    numRuns,
    interruptAfterTimeLimit: PATIENCE,
    markInterruptAsFailure: false,
  })
  if (failed) throw new FuzzFailure(kind.name, seed, described(kind, counterexample?.[0]), errorInstance)
}

function examine<T>(kind: Kind<T>, recipe: Recipe): void {
  const input = kind.make(recipe)
  frugal(kind.size(input), () => timed(() => kind.examine(input, recipe.choice)))
}

/** An input by its recipe. */
export function described<T>(kind: Kind<T>, recipe: Recipe | undefined): string {
  return recipe === undefined ? '(no input)' : `${kind.show(kind.make(recipe))}\nchoice ${recipe.choice}`
}
