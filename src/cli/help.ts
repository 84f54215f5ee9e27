/** `carillon help`: every verb, and the server's settings; with the name of a verb, the help of that verb. */
import { help as settings } from '../config.ts'
import { loadVerb, UsageError, type Verb, type VerbEntry } from './verb.ts'

/** The verb `help`, for these verbs. */
export function createHelp(verbs: Readonly<Record<string, VerbEntry>>): Verb {
  const overview = (): string => {
    const lines = Object.entries(verbs).map(([name, { summary }]) => `  ${name.padEnd(9)}${summary}`)
    const usage = ['Usage: carillon [verb] [flags]', '', ...lines, '', 'For more about one of them: carillon VERB --help']
    return [...usage, '', settings()].join('\n')
  }
  return {
    help: overview,
    async run({ args }) {
      const [name, ...more] = args
      if (more.length > 0) throw new UsageError('help takes the name of one verb.')
      process.stdout.write(name === undefined ? overview() : (await loadVerb(verbs, name)).help())
    },
  }
}
