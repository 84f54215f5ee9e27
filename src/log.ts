/** The log: JSON lines on standard output (readable text on a terminal). Callers log ids, codes and counts, never secrets or contents. */
import { createRequire } from 'node:module'
import { pino } from 'pino'
import type pretty from 'pino-pretty'

/** Writes to the log. A message is a constant sentence; values that vary go into the fields. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

/** The values of `CARILLON_LOG`. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Only people at a terminal need it. */
const loadPretty = (): typeof pretty => createRequire(import.meta.url)('pino-pretty')

/** Creates the log. `terminal`: readable text instead of JSON. */
export function createLog(level: LogLevel, terminal: boolean): Log {
  const stream = terminal
    ? loadPretty()({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true })
    : pino.destination({ dest: 1, sync: false, minLength: 0 })
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
  const at =
    (name: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      logger[name](fields, message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Logs nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
