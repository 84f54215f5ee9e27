/**
 * Statements that are sent together, and answered together. `pg` ends each statement with a Sync, at which PostgreSQL commits it, writes to the
 * socket and wakes this process. These have one, after the last of them: until then they are one transaction, without BEGIN and COMMIT.
 */
import pg from 'pg'
import { isBrokenConnection } from '../errors.ts'
import { noDatabase, outcomeUnknown, wasNotSent } from './connection-loss.ts'
import { isRetryable, type Runner, types } from './database.ts'

/** What a client of `pg` calls of a query, and a query of its connection: neither is in their types. */
interface PgQuery {
  readonly name?: string
  readonly text?: string
  submit(connection: PgConnection): Error | null
  handleRowDescription(message: unknown): void
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: PgConnection): void
  handleReadyForQuery(connection: PgConnection): void
  handleError(error: unknown, connection: PgConnection): void
}
interface PgConnection {
  readonly submittedNamedStatements: Record<string, string>
  _send(bytes: Uint8Array): void
  sync(): void
}

const isPgQuery = (query: object): query is PgQuery =>
  'submit' in query && 'handleDataRow' in query && 'handleReadyForQuery' in query

/** Errors of the server that came before the last statement was complete: it has committed nothing, even if it has closed the connection. */
const rolledBack = new WeakSet<object>()

/** Several queries as one. On a connection with a pipeline, `pg` takes no query of another class than its own. */
class OneTrip extends pg.Query {
  /** Set by `pg` where a query may take only so long: it ends its timer. */
  declare readonly callback?: (error: unknown) => void
  readonly #parts: readonly PgQuery[]
  /** how many of them are complete */
  #done = 0

  constructor(parts: readonly PgQuery[]) {
    super({ text: '' })
    this.#parts = parts
    Object.defineProperties(this, {
      // `pg` records under them that a statement has been parsed, or has failed.
      name: { get: () => this.#part?.name },
      text: { get: () => this.#part?.text },
      submit: { value: (connection: PgConnection) => this.#submit(connection) },
    })
  }

  get #part(): PgQuery | undefined {
    return this.#parts[this.#done]
  }

  #submit(connection: PgConnection): Error | null {
    // Nothing leaves before all of it is there: a statement whose values can't be written is closed, and none is sent.
    let isClosed = false
    const bytes: Uint8Array[] = []
    const ahead: PgConnection = Object.create(connection, {
      _send: { value: (more: Uint8Array) => void bytes.push(more) },
      close: {
        value: () => {
          isClosed = true
        },
      },
      sync: { value: () => {} },
    })
    for (const part of this.#parts) {
      const error = part.submit(ahead)
      if (error !== null) return error
      if (isClosed) return new Error('A value of a statement could not be written')
    }
    connection._send(Buffer.concat(bytes))
    connection.sync()
    return null
  }

  handleRowDescription(message: unknown): void {
    this.#part?.handleRowDescription(message)
  }

  handleDataRow(message: unknown): void {
    this.#part?.handleDataRow(message)
  }

  handleCommandComplete(message: unknown, connection: PgConnection): void {
    this.#part?.handleCommandComplete(message, connection)
    this.#done += 1
  }

  /** The transaction was committed: only now there are results. */
  handleReadyForQuery(connection: PgConnection): void {
    for (const part of this.#parts) part.handleReadyForQuery(connection)
    this.callback?.(null)
  }

  handleError(error: unknown, connection: PgConnection): void {
    // PostgreSQL has not read what follows the statement that failed.
    for (const { name } of this.#parts.slice(this.#done)) if (name !== undefined) delete connection.submittedNamedStatements[name]
    if (error instanceof pg.DatabaseError && this.#done < this.#parts.length) rolledBack.add(error)
    for (const part of this.#parts) part.handleError(error, connection)
    this.callback?.(error)
  }
}

/**
 * Runs named statements that don't depend on each other in one round trip, as one transaction. On a pool, each has a connection of its own. Wait for
 * them before the next are sent on the connection: after one that fails, PostgreSQL does not even parse the others.
 * @param work asks for all of them before it waits for one of them; what writes is the last
 */
export function inOneTrip<T>(client: Runner, work: (tx: Runner) => Promise<T>): Promise<T> {
  if (!(client instanceof pg.Client)) return work(client)
  const parts: PgQuery[] = []
  const query = (config: pg.QueryConfig): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const part = new pg.Query({ ...config, types }, (error, result) => (error ? reject(error) : resolve(result)))
      // Without a name it might be sent in the simple protocol, in which each statement is on its own.
      if (!isPgQuery(part) || part.name === undefined)
        throw new Error('The query has no name, or lacks a method that its client calls.')
      parts.push(part)
    })
  const result = work({ query } as Runner)
  if (parts.length > 0) client.query(new OneTrip(parts))
  return result
}

const isRolledBack = (error: unknown): boolean => typeof error === 'object' && error !== null && rolledBack.has(error)

/**
 * The same for what writes, on a connection. After a deadlock `work` runs again, up to three times.
 * @throws as `transact` of db/database.ts
 */
export async function transactInOneTrip<T>(client: Runner, work: (tx: Runner) => Promise<T>): Promise<T> {
  if (!(client instanceof pg.Client)) throw new Error('On a pool, these statements would be no transaction.')
  for (let attempt = 1; ; attempt++) {
    try {
      return await inOneTrip(client, work)
    } catch (error) {
      if (isRetryable(error) && attempt <= 3) continue
      if (!isBrokenConnection(error)) throw error
      throw wasNotSent(error) || isRolledBack(error) ? noDatabase(error) : outcomeUnknown(error)
    }
  }
}
