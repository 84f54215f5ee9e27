/** The stores at the start: waits for those that are on their way, and says of what waiting can't mend what to do. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Config } from './config.ts'
import type { Log } from './log.ts'

/** Why a store could not be used. */
interface Trouble {
  readonly reason: string
  /** final: waiting changes nothing; unknown host: it may be a name that comes up with the store; outage: it may come back at any time */
  readonly kind: 'final' | 'unknown host' | 'outage'
}

interface Store {
  readonly setting: 'DATABASE_URL' | 'MONGODB_URL' | 'REDIS_URL'
  readonly name: string
  readonly url: string
  /** without it the server can't start; the others may be down, and messages are late then */
  readonly isNeeded: boolean
  /** Connects once. @throws the driver's error */
  probe(url: string): Promise<void>
  /** By the driver's code or message; null: as for any connection. */
  judge(code: string, message: string): Trouble | null
}

const RETRY_MS = 500
const SAY_EVERY_MS = 10_000
const CONNECT_MS = 5_000
const EVENT_MS = 50
const OLDEST_POSTGRES = 140_000

/** Where a store is, without user, password and options: `host:port/name`. */
export function placeOf(url: string): string {
  const [, rest = ''] = url.split('://')
  const [hosts = '', ...path] = (rest.split(/[?#]/)[0] ?? '').split('/')
  const host = hosts.slice(hosts.lastIndexOf('@') + 1) || (/[?&]host=([^&]+)/.exec(url)?.[1] ?? 'localhost')
  return [host, ...path.filter((part) => part !== '')].join('/')
}

const final = (reason: string): Trouble => ({ reason, kind: 'final' })

async function probePostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS, application_name: 'carillon start' })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version")
    const version = rows[0]?.version ?? OLDEST_POSTGRES
    if (version < OLDEST_POSTGRES)
      throw new Error(`PostgreSQL 14 or newer is needed, and this is ${Math.floor(version / 10_000)}`)
  } finally {
    await client.end().catch(() => {})
  }
}

function judgePostgres(code: string, message: string): Trouble | null {
  if (code === '28P01') return final('the user or the password is wrong')
  if (code === '28000' && /no encryption|SSL off/i.test(message)) {
    return final(
      'the server takes connections with TLS only: add ?sslmode=require, or sslmode=no-verify for a certificate of your own',
    )
  }
  if (code === '28000')
    return final(`the user is not let in (${message}): it does not exist, or pg_hba.conf has no line for it and this host`)
  if (code === '3D000') return final('there is no such database: create it, or name another one at the end of the URL')
  if (code === '42501')
    return final(`the user lacks a right (${message}): it has to own the database, or may create schemas and tables in it`)
  if (/does not support SSL/i.test(message)) return final('the server has no TLS: take sslmode out of the URL')
  if (/^PostgreSQL 14 or newer/.test(message)) return final(message)
  return null
}

async function probeMongo(url: string): Promise<void> {
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(url, { serverSelectionTimeoutMS: CONNECT_MS, connectTimeoutMS: CONNECT_MS })
  try {
    await client.connect()
    await client.db().command({ ping: 1 })
  } finally {
    await client.close().catch(() => {})
  }
}

function judgeMongo(code: string, message: string): Trouble | null {
  if (code === '18' || /authentication failed|bad auth/i.test(message)) {
    return final('the user or the password is wrong, or they are kept in another database: add ?authSource=admin')
  }
  if (code === '13' || /requires authentication/i.test(message)) return final('the server requires a user and a password')
  if (/^Invalid|option .* is not supported|must be/i.test(message) && code === '') return final(message)
  return null
}

async function probeRedis(url: string): Promise<void> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  // A refused login is an event alone: `connect` goes on, or says only that the connection is closed.
  const failed = new Promise<never>((_resolve, reject) => client.on('error', reject))
  failed.catch(() => {})
  try {
    await Promise.race([failed, client.connect().then(() => client.ping())])
  } catch (error) {
    // The event may come just after the rejection.
    await Promise.race([failed, sleep(EVENT_MS)])
    throw error
  } finally {
    client.disconnect()
  }
}

function judgeRedis(_code: string, message: string): Trouble | null {
  if (/WRONGPASS|invalid password|invalid username/i.test(message)) return final('the user or the password is wrong')
  if (/NOAUTH/.test(message)) return final('the server requires a password: redis://:PASSWORD@HOST:PORT')
  if (/NOPERM/.test(message)) return final(`the user lacks a right (${message})`)
  if (/DB index is out of range|invalid DB index/i.test(message)) return final('there is no database of that number')
  return null
}

/** Codes of TLS, by what is wrong. */
const certificates: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that this machine does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that this machine does not know',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
}

/** The error at the bottom: drivers wrap what the socket said, and a host with several addresses has one for each. */
function innermost(error: unknown): unknown {
  let inner = error
  for (let depth = 0; depth < 5; depth++) {
    if (inner instanceof AggregateError && inner.errors.length > 0) inner = inner.errors[0]
    else if (inner instanceof Error && inner.cause !== undefined) inner = inner.cause
    else break
  }
  return inner
}

/** What is wrong, in words. */
function troubleOf({ judge }: Pick<Store, 'judge'>, error: unknown): Trouble {
  for (const one of [error, innermost(error)]) {
    const message = one instanceof Error ? one.message : String(one)
    const code = one instanceof Error && 'code' in one ? String(one.code) : ''
    const own = judge(code, message)
    if (own !== null) return own
    const certificate = certificates[code]
    if (certificate !== undefined) {
      return final(`${certificate} (${code}): set NODE_EXTRA_CA_CERTS to the file of its authority, or correct the host name`)
    }
    if (/wrong version number|packet length too long/i.test(message)) {
      return final('TLS is asked for, and the server answers without: correct the scheme or the port')
    }
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { reason: 'no host of this name is known', kind: 'unknown host' }
    if (code === 'ECONNREFUSED') return { reason: 'nothing listens there (ECONNREFUSED)', kind: 'outage' }
    if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
      return { reason: `the host does not answer (${code})`, kind: 'outage' }
    }
  }
  const inner = innermost(error)
  return { reason: (inner instanceof Error ? inner.message : String(inner)) || 'it does not answer', kind: 'outage' }
}

/** The sentence about a store that can't be used: the setting, the place, the reason. */
const sentence = ({ setting, name, url }: Store, { reason }: Trouble, waitedMs = 0): string =>
  `${setting}: ${name} at ${placeOf(url)} can't be used: ${reason}.${waitedMs < RETRY_MS ? '' : ` It was waited for ${Math.round(waitedMs / 1_000)} s.`}`

const storesOf = ({ databaseUrl, mongodbUrl, redisUrl }: Pick<Config, 'databaseUrl' | 'mongodbUrl' | 'redisUrl'>): Store[] => [
  ...(databaseUrl === null
    ? []
    : [
        {
          setting: 'DATABASE_URL',
          name: 'PostgreSQL',
          url: databaseUrl,
          isNeeded: true,
          probe: probePostgres,
          judge: judgePostgres,
        } as const,
      ]),
  ...(mongodbUrl === null
    ? []
    : [
        {
          setting: 'MONGODB_URL',
          name: 'MongoDB',
          url: mongodbUrl,
          isNeeded: false,
          probe: probeMongo,
          judge: judgeMongo,
        } as const,
      ]),
  ...(redisUrl === null
    ? []
    : [{ setting: 'REDIS_URL', name: 'Redis', url: redisUrl, isNeeded: false, probe: probeRedis, judge: judgeRedis } as const]),
]

/** Which stores a server uses, for its log. */
export const storesInUse = ({ dir, databaseUrl, mongodbUrl, redisUrl }: Config): Record<string, string> => ({
  data: databaseUrl === null ? `embedded PostgreSQL in ${dir}` : `PostgreSQL at ${placeOf(databaseUrl)}`,
  jobs: mongodbUrl === null ? 'the same PostgreSQL' : `MongoDB at ${placeOf(mongodbUrl)}`,
  signals: redisUrl === null ? 'in this process' : `Redis at ${placeOf(redisUrl)}`,
})

/**
 * Waits until the stores answer, each for at most `startWaitMs`. MongoDB and Redis may be down at any time, also at the start: after the
 * wait the server starts without them, and uses them when they are back.
 * @throws Error for people: at once where waiting changes nothing, else after the wait
 */
export async function awaitStores(
  config: Pick<Config, 'databaseUrl' | 'mongodbUrl' | 'redisUrl' | 'startWaitMs'>,
  log: Log,
): Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping

  async function awaitStore(store: Store): Promise<void> {
    const began = performance.now()
    let saidAt = Number.NEGATIVE_INFINITY
    for (;;) {
      try {
        return await store.probe(store.url)
      } catch (error) {
        if (signal.aborted) return
        const trouble = troubleOf(store, error)
        const waitedMs = performance.now() - began
        if (trouble.kind === 'final') throw new Error(sentence(store, trouble), { cause: error })
        if (waitedMs >= config.startWaitMs) {
          if (store.isNeeded || trouble.kind === 'unknown host')
            throw new Error(sentence(store, trouble, waitedMs), { cause: error })
          log.error('A store does not answer: the server starts without it, and uses it when it is back', {
            store: store.name,
            setting: store.setting,
            at: placeOf(store.url),
            reason: trouble.reason,
          })
          return
        }
        if (performance.now() - saidAt >= SAY_EVERY_MS) {
          saidAt = performance.now()
          log.warn('Waiting for a store', {
            store: store.name,
            setting: store.setting,
            at: placeOf(store.url),
            reason: trouble.reason,
            forAtMostSeconds: Math.ceil((config.startWaitMs - waitedMs) / 1_000),
          })
        }
        await sleep(Math.min(RETRY_MS, config.startWaitMs - waitedMs), undefined, { signal }).catch(() => {})
      }
    }
  }

  try {
    await Promise.all(storesOf(config).map(awaitStore))
  } finally {
    stopping.abort()
  }
}

/** Why the tables could not be made, in words where it is known. */
export function explainMigration(databaseUrl: string | null, error: unknown): unknown {
  const [store] = storesOf({ databaseUrl, mongodbUrl: null, redisUrl: null })
  if (store === undefined) return error
  const trouble = troubleOf(store, error)
  return trouble.kind === 'final' ? new Error(sentence(store, trouble), { cause: error }) : error
}
