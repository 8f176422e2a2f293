import type { SetNames } from './context'

/** The same sets, where each name and each index is asked for once: a table may name a set in every rule. */
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
