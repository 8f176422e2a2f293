import type { SetNames } from './context'

/** Caches lookups: each name and index is looked up once, as a table may refer to a set in every rule. */
export function rememberedSets(sets: SetNames): SetNames {
  const byName = remembered((name: string) => sets.byName(name))
  const byIndex = remembered((index: number) => sets.byIndex(index))
  return { byName, byIndex }
}

function remembered<Key, Value>(ask: (key: Key) => Value): (key: Key) => Value {
  const answers = new Map<Key, Value>()
  return (key) => {
    if (!answers.has(key)) answers.set(key, ask(key))
    return answers.get(key) as Value
  }
}
