/** `carillon version`. */
import { readFile } from 'node:fs/promises'
import { UsageError, type Verb } from './verb.ts'

/** The verb `version`. */
export const version: Verb = {
  help: () => 'Usage: carillon version\n\nPrints the version.\n',
  async run({ args }) {
    if (args.length > 0) throw new UsageError('version takes no arguments.')
    const { version: printed } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    process.stdout.write(`${printed}\n`)
  },
}
