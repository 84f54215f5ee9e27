/** The verbs of the command line. */

/** A call of a verb. */
export interface Call {
  /** the arguments after the verb */
  readonly args: readonly string[]
  readonly env: Record<string, string | undefined>
}

/** A verb of the command line. */
export interface Verb {
  /** The text of `carillon VERB --help`. */
  help(): string
  /** Resolves when there is nothing left to do; a server, when it runs. */
  run(call: Call): Promise<void>
}

/** A verb that is not loaded yet. */
export interface VerbEntry {
  readonly summary: string
  load(): Promise<Verb>
}

/** Thrown when the command line is invalid; its message is printed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The verb of that name. @throws UsageError when there is none */
export function loadVerb(verbs: Readonly<Record<string, VerbEntry>>, name: string): Promise<Verb> {
  const entry = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (entry === undefined) throw new UsageError(`There is no verb "${name}". Verbs: ${Object.keys(verbs).join(', ')}.`)
  return entry.load()
}
