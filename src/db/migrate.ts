/** Migrates the database: applies prisma/migrations in order, and records them in `_prisma_migrations` as Prisma's own tool does. */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Log } from '../log.ts'
import { isRetryable } from './database.ts'

// The advisory lock of Prisma's own tool, so that the two never migrate at the same time.
const LOCK = 72707369

const TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY, "checksum" VARCHAR(64) NOT NULL, "finished_at" TIMESTAMPTZ, "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT, "rolled_back_at" TIMESTAMPTZ, "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`

// A migration waits for the processes that still serve, and they for it. PostgreSQL ends a deadlock by failing one of them.
const TRIES = 10

async function apply(client: pg.Client, name: string, sql: string, checksum: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query('BEGIN')
      await client.query(sql)
      await client.query(
        'INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ($1, $2, $3, now(), 1)',
        [randomUUID(), checksum, name],
      )
      await client.query('COMMIT')
      return
    } catch (error) {
      if (attempt === TRIES || !isRetryable(error)) throw error
      await client.query('ROLLBACK')
    }
  }
}

/**
 * Applies the migrations that are missing, each in a transaction of its own, so that a crash leaves none half done. Several processes may call
 * it at the same time: they take turns. One that meets a deadlock with a process that is still serving is tried again.
 * @returns the names of those that were applied now
 * @throws Error when a migration has other content than when it was applied
 */
export async function migrate(
  url: string,
  log: Log,
  folder = join(import.meta.dirname, '../../prisma/migrations'),
): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, application_name: 'carillon-migrate' })
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    await client.query(TABLE)
    const { rows } = await client.query<{ migration_name: string; checksum: string }>(
      'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    )
    const applied = new Map(rows.map((row) => [row.migration_name, row.checksum]))
    const names = (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
    const done: string[] = []
    for (const name of names) {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      const checksum = createHash('sha256').update(sql).digest('hex')
      const before = applied.get(name)
      if (before === checksum) continue
      if (before !== undefined) throw new Error(`The migration ${name} was applied with other content than it has now.`)
      await apply(client, name, sql, checksum)
      log.info('Migrated the database', { migration: name })
      done.push(name)
    }
    return done
  } finally {
    await client.end()
  }
}
