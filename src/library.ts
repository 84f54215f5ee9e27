/** What the npm package offers to code: `import { readConfig, startApp } from 'carillon'`. */
import type { GraphQLSchema } from 'graphql'
import { startApp as startWhole } from './app.ts'
import type { FirstStart } from './cli/keys.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { createLog, type Log, silentLog } from './log.ts'

/** A running server. */
export interface Server {
  readonly port: number
  readonly url: string
  readonly schema: GraphQLSchema
  /** the keys of the project that was created in an empty database; null: it was not empty, or `demo` is off */
  readonly firstStart: FirstStart | null
  /** Drains: running requests are answered, sockets are closed so that clients reconnect, claimed messages are finished or given back. */
  stop(): Promise<void>
}

/**
 * Starts a server in this process.
 * @param log default: JSON lines on standard output, at the level of the settings
 * @throws Error with a message for people when it can't: the port is taken, the folder is in use, the database is unavailable
 */
export async function startApp(config: Config, log: Log = createLog(config.log, false)): Promise<Server> {
  const { port, url, schema, firstStart, stop } = await startWhole(config, log)
  return { port, url, schema, firstStart, stop }
}

export { type Config, ConfigError, type FirstStart, type Log, readConfig, silentLog }
