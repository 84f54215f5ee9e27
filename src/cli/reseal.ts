/** `carillon reseal`: encrypts stored secrets with the first secret of CARILLON_SECRET, so that the others can be removed. */
import { resealStore } from '../app.ts'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { UsageError, type Verb } from './verb.ts'

const help = (): string =>
  [
    "Encrypts providers' secrets with the first secret of CARILLON_SECRET.",
    '',
    'Usage: carillon reseal',
    '',
    'It takes the same settings as the server (CARILLON_SECRET, DATABASE_URL), and works while servers run; an embedded database has to be',
    'stopped first. It can be interrupted and called again. Ends with 1 if something could not be decrypted.',
    '',
  ].join('\n')

const plural = (count: number): string => `${count} secret${count === 1 ? '' : 's'}`

/** The verb `reseal`. */
export const reseal: Verb = {
  help,
  async run({ args, env }) {
    if (args.length > 0) throw new UsageError('reseal takes no arguments.')
    const config = readConfig(env)
    const { resealed, current, unreadable } = await resealStore(config, createLog('error', false))
    process.stdout.write(`${plural(resealed)} encrypted again, ${current} already with the first secret.\n`)
    if (unreadable.length > 0) {
      const lines = unreadable.map(
        ({ projectId, provider, setting }) => `  project ${projectId}, provider ${provider}: ${setting}`,
      )
      throw new Error(
        `${plural(unreadable.length)} can't be decrypted with any of the secrets given. Add the one they were encrypted with, or configure ` +
          `the providers again; keep the former secrets until then.\n${lines.join('\n')}`,
      )
    }
    process.stdout.write(
      'Once every process has the first secret in first place, and this has run after that, nothing stored needs the others. Remove them when ' +
        'what they signed has ended: contact tokens after 24 hours, cursors of feeds after 30 days. Unsubscribe links in e-mails sent before ' +
        'stop working then.\n',
    )
  },
}
