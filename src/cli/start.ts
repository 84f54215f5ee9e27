/** `carillon start`: reads the settings, starts the server, and drains it on a signal. */
import { type App, startApp } from '../app.ts'
import { help, readConfig } from '../config.ts'
import { createLog, type Log } from '../log.ts'
import { listenForEnding } from './ending.ts'
import { type DemoKeys, demoKeysFile, keepDemoKeys, readDemoKeys } from './keys.ts'
import { tidyWhenCalm } from './tidy.ts'
import type { Verb } from './verb.ts'
import { welcome } from './welcome.ts'

const EXIT_WITHIN_MS = 25_000

/** The server runs without the file as well, and its keys are printed: a folder that can't be written to must not end it. */
const tryToKeep = (dir: string, keys: DemoKeys, log: Log): Promise<void> =>
  keepDemoKeys(dir, keys).catch((error: unknown) =>
    log.warn('The keys of the demo project could not be stored', { file: demoKeysFile(dir), error: String(error) }),
  )

/**
 * The demo project that an earlier start created here, if its key is still valid. Where the server listens now is stored with its keys, so
 * that `demo` finds it after another PORT.
 */
async function knownDemo({ url, carillon }: App, dir: string, log: Log): Promise<DemoKeys | null> {
  const kept = await readDemoKeys(dir)
  if (kept === null) return null
  const caller = await carillon.projects.identify(`Bearer ${kept.apiKey}`).catch(() => null)
  if (caller === null) return null
  const keys = { ...kept, url }
  if (kept.url !== url) await tryToKeep(dir, keys, log)
  return keys
}

/** The verb `start`. */
export const start: Verb = {
  help,
  async run({ args, env }) {
    const config = readConfig(env, args)
    const log = createLog(config.log, process.stdout.isTTY)
    let running: App | null = null
    let stopping = false
    const stop = async (code: number): Promise<void> => {
      if (stopping) return
      stopping = true
      // A part that hangs must not keep the process alive.
      setTimeout(() => process.exit(1), EXIT_WITHIN_MS).unref()
      // Before it runs, there is nothing to finish: what was begun is taken up by the next start, as after a crash.
      await running?.stop()
      process.exit(code)
    }
    listenForEnding(env, (signal) => {
      log.info('Stopping', { signal })
      void stop(0)
    })
    const app = await startApp(config, log).catch((cause: unknown) => {
      throw new Error(`Carillon could not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    })
    running = app
    if (app.firstStart !== null) await tryToKeep(config.dir, { ...app.firstStart, url: app.url }, log)
    const known = app.firstStart === null && config.demo ? await knownDemo(app, config.dir, log) : null
    process.stdout.write(welcome(app, config, known === null ? null : { ...known, file: demoKeysFile(config.dir) }))
    tidyWhenCalm()

    // After an unexpected error the state of the process is unknown: it drains and exits, and its supervisor starts it again.
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        log.error('Unexpected: stopping', {
          event,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        })
        void stop(1)
      })
    }
  },
}
