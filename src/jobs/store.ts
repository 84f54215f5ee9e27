/** Where Agenda stores its jobs: the Postgres of everything else, or MongoDB. Jobs are hints: all of them can be deleted at any time. */
import type { MongoChangeStreamNotificationChannel } from '@agendajs/mongo-backend'
import { PostgresJobRepository, PostgresNotificationChannel } from '@agendajs/postgres-backend'
import type { AgendaBackend, JobRepository, NotificationChannel } from 'agenda'
import pg from 'pg'

/** The database that stores the jobs. */
export type StoreAddress = { readonly kind: 'postgres'; readonly url: string } | { readonly kind: 'mongo'; readonly url: string }

/** An open store. It does not reconnect: when the connection is lost, the caller closes it and opens another one. */
export interface Store {
  readonly backend: AgendaBackend
  readonly repository: JobRepository
  /** notifies Agenda of jobs that other processes saved; null: it has to poll. Agenda connects it when it starts */
  readonly channel: NotificationChannel | null
  /** Connects the channel where Agenda is not started, so that other processes are notified of the jobs saved here. */
  connectToPublish(): Promise<void>
  /** Closes the connections. May take long, or throw, when the database is unavailable. */
  close(): Promise<void>
}

/** The schema of Agenda's table in Postgres. It can be dropped while the server runs. */
const SCHEMA = 'carillon_jobs'
const COLLECTION = 'agendaJobs'
const DEFAULT_MONGO_DATABASE = 'carillon'
/** The key of the advisory lock that is held while the schema is created: CREATE … IF NOT EXISTS can fail when two processes run it at once. */
const SCHEMA_LOCK = 7_202_315
const CONNECT_TIMEOUT_MS = 2_000
const ANSWER_TIMEOUT_MS = 3_000

/**
 * Opens the store, and creates what Agenda needs there: in Postgres the schema `carillon_jobs` with the table `agenda_jobs`,
 * in MongoDB the collection `agendaJobs` (of the database `carillon`, when the URL names none).
 * @param onLost called when the connection that receives notifications was lost
 * @throws the database driver's error, within a few seconds
 */
export function openStore(address: StoreAddress, onLost: (error: Error) => void): Promise<Store> {
  return address.kind === 'postgres' ? openPostgres(address.url, onLost) : openMongo(address.url, onLost)
}

function makeStore(
  name: string,
  repository: JobRepository,
  channel: NotificationChannel | null,
): Pick<Store, 'backend' | 'repository' | 'channel'> {
  // Agenda neither awaits these calls nor catches their errors: an outage of the database at that moment would end the process.
  const unlockJob = repository.unlockJob.bind(repository)
  repository.unlockJob = (job) => unlockJob(job).catch(() => {})
  const backend: AgendaBackend = {
    name,
    repository,
    ...(channel === null ? {} : { notificationChannel: channel }),
    ownsConnection: false,
    // It is connected already: if `connect` failed in Agenda's constructor, that would be an unhandled rejection.
    connect: async () => {},
    disconnect: async () => {},
  }
  return { backend, repository, channel }
}

async function openPostgres(url: string, onLost: (error: Error) => void): Promise<Store> {
  // Two connections: one for notifications, one for statements. A job is a hint, so there are few.
  const pool = new pg.Pool({
    connectionString: url,
    options: `-c search_path=${SCHEMA}`,
    max: 2,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'carillon jobs',
  })
  pool.on('error', onLost)
  // When a connection in use is lost, its query fails and it also emits an error, which ends the process without a listener.
  pool.on('connect', (client) => client.on('error', () => {}))
  const repository = new PostgresJobRepository({ pool })
  const channel = new PostgresNotificationChannel({ pool, channelName: SCHEMA, reconnect: { enabled: false } })
  // Without a listener, the loss of the listening connection ends the process.
  channel.on('error', onLost)
  const close = async () => {
    await channel.disconnect()
    await pool.end()
  }
  try {
    await prepareSchema(pool, repository)
  } catch (error) {
    await close()
    throw error
  }
  return { ...makeStore('PostgreSQL', repository, channel), connectToPublish: () => channel.connect(), close }
}

async function prepareSchema(pool: pg.Pool, repository: PostgresJobRepository): Promise<void> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
    const { rows } = await pool.query<{ found: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS found', [SCHEMA])
    // Checked first, because CREATE SCHEMA IF NOT EXISTS requires the right to create one even if it exists.
    if (rows[0]?.found !== true) await pool.query(`CREATE SCHEMA ${SCHEMA}`)
    await repository.connect()
    await client.query('COMMIT')
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error))
    throw broken
  } finally {
    // With an error the connection is closed, which rolls back an open transaction.
    client.release(broken)
  }
}

async function openMongo(url: string, onLost: (error: Error) => void): Promise<Store> {
  const [{ MongoClient }, { MongoChangeStreamNotificationChannel, MongoJobRepository }] = await Promise.all([
    import('mongodb'),
    import('@agendajs/mongo-backend'),
  ])
  const client = new MongoClient(url, {
    appName: 'carillon',
    maxPoolSize: 5,
    serverSelectionTimeoutMS: CONNECT_TIMEOUT_MS,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    socketTimeoutMS: ANSWER_TIMEOUT_MS,
  })
  const named = /^mongodb(?:\+srv)?:\/\/[^/]+\/[^?]+/.test(url)
  const db = client.db(named ? undefined : DEFAULT_MONGO_DATABASE)
  let channel: MongoChangeStreamNotificationChannel | null = null
  const close = async () => {
    await channel?.disconnect()
    await client.close()
  }
  const repository = new MongoJobRepository({ mongo: db, db: { collection: COLLECTION } })
  try {
    await repository.connect()
    const hello = await db.command({ hello: 1 })
    // Only a member of a replica set has a change stream.
    if (typeof hello['setName'] === 'string') {
      channel = new MongoChangeStreamNotificationChannel({ db, collection: COLLECTION, reconnect: { enabled: false } })
      channel.on('error', onLost)
    }
  } catch (error) {
    await close()
    throw error
  }
  // Others are notified by their change streams: there is nothing to publish.
  return { ...makeStore('MongoDB', repository, channel), connectToPublish: async () => {}, close }
}
