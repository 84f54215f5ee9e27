/** What may be done again when the connection to PostgreSQL was lost, and what the caller is told. */
import { CarillonError, isBrokenConnection } from '../errors.ts'

/** Codes of the catalogue that say so. In Prisma's wrapping they are the code too. */
const TOLD = new Set(['OUTCOME_UNKNOWN', 'OVERLOADED'])

/** Whether an error means that there is no connection, or that it was lost, so that the outcome of the statement is unknown. */
export const isConnectionLoss = (error: unknown): boolean =>
  (error instanceof Error && 'code' in error && typeof error.code === 'string' && TOLD.has(error.code)) ||
  isBrokenConnection(error)

/** The error of a caller for whom nothing was done, because there is no connection. */
export const noDatabase = (cause: unknown): CarillonError =>
  new CarillonError('OVERLOADED', {
    message: 'The database is not available. Nothing was done: try again in a moment.',
    retryAfterSeconds: 1,
    cause,
  })

/** The error of a caller whose transaction may have been committed. */
export const outcomeUnknown = (cause: unknown): CarillonError =>
  new CarillonError('OUTCOME_UNKNOWN', {
    message: 'The database connection was lost while committing: repeat the call with the same id to learn the outcome.',
    cause,
  })

const READ = /^\s*(?:SELECT|WITH)\b/i
/** Also functions that write or lock. */
const WRITE = /\b(?:INSERT|UPDATE|DELETE|MERGE|nextval|setval|set_config|stat_recount|pg_notify|pg_\w*advisory\w*)\b/i

/** Whether a statement only reads, so that it can be repeated. */
export const isRead = (statement: string): boolean => READ.test(statement) && !WRITE.test(statement)

/** Whether a statement was not even sent: its connection was known to be broken. */
export const wasNotSent = (error: unknown): boolean => error instanceof Error && error.message.includes('not queryable')
