/** The process: settings, start, and an end in good order. */
import { startApp } from './app.ts'
import { ConfigError, help, readConfig } from './config.ts'
import { keepDemoKeys } from './demo/keys.ts'
import { welcome } from './demo/welcome.ts'
import { createLog } from './log.ts'

const EXIT_WITHIN_MS = 25_000

async function main(): Promise<void> {
  const args = process.argv.slice(2)
  if (args.includes('--help')) return void process.stdout.write(help())
  const config = readConfig(process.env, args)
  const log = createLog(config.log, process.stdout.isTTY)
  const app = await startApp(config, log)
  if (app.firstStart !== null) await keepDemoKeys(config.dir, { ...app.firstStart, url: app.url })
  process.stdout.write(welcome(app, config))

  let stopping = false
  const stop = async (code: number): Promise<void> => {
    if (stopping) return
    stopping = true
    // A part that hangs must not keep the process for ever.
    setTimeout(() => process.exit(1), EXIT_WITHIN_MS).unref()
    await app.stop()
    process.exit(code)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info('Stopping', { signal })
      void stop(0)
    })
  }
  // What nobody expected leaves the process in a state that nobody knows: it ends, in good order, and is started again.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.error('Unexpected: stopping', { event, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
      void stop(1)
    })
  }
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${error instanceof ConfigError ? message : `Carillon could not start: ${message}`}\n`)
  process.exit(1)
})
