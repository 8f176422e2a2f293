/** Parses command-line options as getopt_long(3) does: bundled letters, abbreviated names, operands anywhere. */

export interface OptionSpec {
  readonly letter: string
  /** The long name, if any. */
  readonly name?: string
  /** `follower`: an optional argument, after `=` or as the next word, if that does not start with `-` or `!`. */
  readonly argument: 'none' | 'required' | 'follower'
}

export interface Given {
  readonly letter: string
  readonly value: string | undefined
}

export interface Arguments {
  readonly given: readonly Given[]
  readonly operands: readonly string[]
}

/** A command line that getopt refuses. The message is the one that getopt would print. */
export class GetoptError extends Error {}

class Getopt {
  readonly #words: readonly string[]
  readonly #specs: readonly OptionSpec[]
  readonly #program: string
  readonly #each: (given: Given) => void
  readonly #given: Given[] = []
  #at = 0

  constructor(words: readonly string[], specs: readonly OptionSpec[], program: string, each: (given: Given) => void) {
    this.#each = each
    this.#words = words
    this.#specs = specs
    this.#program = program
  }

  read(): Arguments {
    const operands: string[] = []
    for (let word = this.#take(); word !== undefined; word = this.#take()) {
      if (word === '--') return { given: this.#given, operands: [...operands, ...this.#words.slice(this.#at)] }
      if (word.startsWith('--')) this.#readLong(word.slice(2))
      else if (word.length > 1 && word.startsWith('-')) this.#readShort(word)
      else operands.push(word)
    }
    return { given: this.#given, operands }
  }

  #take(): string | undefined {
    return this.#words[this.#at++]
  }

  #fail(message: string): never {
    throw new GetoptError(`${this.#program}: ${message}`)
  }

  #readLong(word: string): void {
    const at = word.indexOf('=')
    const name = at < 0 ? word : word.slice(0, at)
    const glued = at < 0 ? undefined : word.slice(at + 1)
    const spec = this.#find(name) ?? this.#fail(`unrecognized option '--${word}'`)
    if (spec.argument === 'none' && glued !== undefined) this.#fail(`option '--${spec.name}' doesn't allow an argument`)
    this.#give(spec, glued, `option '--${spec.name}' requires an argument`)
  }

  /** The option with this name, or the only one whose name starts with it. */
  #find(name: string): OptionSpec | undefined {
    const begun = this.#specs.filter((spec) => spec.name?.startsWith(name))
    const exact = begun.find((spec) => spec.name === name)
    if (exact !== undefined || begun.length <= 1) return exact ?? begun[0]
    const names = begun.map((spec) => `'--${spec.name}'`).join(' ')
    return this.#fail(`option '--${name}' is ambiguous; possibilities: ${names}`)
  }

  #readShort(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] as string
      const spec = this.#specs.find((one) => one.letter === letter) ?? this.#fail(`invalid option -- '${letter}'`)
      const missing = `option requires an argument -- '${letter}'`
      if (spec.argument === 'required') {
        this.#give(spec, word.slice(at + 1) || undefined, missing)
        return
      }
      // Only the last letter of a bundle can take the next word as its argument.
      if (spec.argument === 'follower' && at < word.length - 1) this.#note({ letter, value: undefined })
      else this.#give(spec, undefined, missing)
    }
  }

  #give({ letter, argument }: OptionSpec, glued: string | undefined, missing: string): void {
    const next = this.#words[this.#at]
    const follows = argument === 'follower' && next !== undefined && !/^[-!]/.test(next)
    const wants = argument === 'required' || follows
    const value = glued ?? (wants ? this.#take() : undefined)
    if (argument === 'required' && value === undefined) this.#fail(missing)
    this.#note({ letter, value })
  }

  #note(given: Given): void {
    this.#given.push(given)
    this.#each(given)
  }
}

/**
 * @param each is called for each option, before the next word is parsed
 * @throws GetoptError
 */
export const getopt = (
  words: readonly string[],
  specs: readonly OptionSpec[],
  program: string,
  each: (given: Given) => void = () => {},
): Arguments => new Getopt(words, specs, program, each).read()
