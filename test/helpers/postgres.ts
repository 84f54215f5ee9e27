/** A database of its own for each test file or test. */
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { silentLog } from '../../src/log.ts'

/** A database that is nobody else's. `drop` also ends connections that are still open. */
export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
}

const LOCK = 40_191_723
const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations')

/** Creates a database with all migrations applied; with `migrated: false`, an empty one. */
export async function createTestDatabase({ migrated = true }: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `carillon_test_${randomBytes(6).toString('hex')}`
  await withServer(server, async (client) => {
    if (!migrated) return client.query(`CREATE DATABASE ${name} TEMPLATE template0`)
    const template = `carillon_template_${await fingerprint()}`
    // A template can be copied only while nobody is connected to it, so one at a time.
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    await ensureTemplate(client, server, template)
    const { rows } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version")
    // Copying files is much faster where the disk is memory; older servers know no other way, and not the word.
    const strategy = Number(rows[0]?.version) >= 150_000 ? 'STRATEGY file_copy' : ''
    return client.query(`CREATE DATABASE ${name} TEMPLATE ${template} ${strategy}`)
  })
  return {
    url: on(server, name),
    drop: () => withServer(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  }
}

/** Migrates a template once for this state of the migrations. The mark IS_TEMPLATE comes last: without it, the migrating goes on. */
async function ensureTemplate(client: pg.Client, server: string, template: string): Promise<void> {
  const { rows } = await client.query<{ done: boolean }>('SELECT datistemplate AS done FROM pg_database WHERE datname = $1', [
    template,
  ])
  if (rows[0]?.done === true) return
  if (rows[0] === undefined) await client.query(`CREATE DATABASE ${template} TEMPLATE template0`)
  await migrate(on(server, template), silentLog)
  await client.query(`ALTER DATABASE ${template} IS_TEMPLATE true`)
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  for (const entry of (await readdir(MIGRATIONS, { withFileTypes: true })).filter((one) => one.isDirectory())) {
    hash.update(entry.name).update(await readFile(join(MIGRATIONS, entry.name, 'migration.sql')))
  }
  return hash.digest('hex').slice(0, 16)
}

function on(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

async function withServer(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
