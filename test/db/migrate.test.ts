import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import { SchemaEngine } from '@prisma/schema-engine-wasm'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { silentLog } from '../../src/log.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts'

const MIGRATIONS = join(import.meta.dirname, '../../prisma/migrations')

let database: TestDatabase
let folder: string

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false })
  folder = await mkdtemp(join(tmpdir(), 'carillon-migrations-'))
  await cp(MIGRATIONS, folder, { recursive: true })
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

async function names(): Promise<string[]> {
  return (await readdir(MIGRATIONS, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

async function query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

test('applies every migration once when six processes start at the same moment', async () => {
  const applied = await Promise.all(Array.from({ length: 6 }, () => migrate(database.url, silentLog)))
  expect(applied.flat().sort()).toEqual((await names()).sort())
  const rows = await query<{ migration_name: string }>('SELECT migration_name FROM _prisma_migrations')
  expect(rows.map((row) => row.migration_name).sort()).toEqual((await names()).sort())
})

test('applies only what is new', async () => {
  await migrate(database.url, silentLog, folder)
  expect(await migrate(database.url, silentLog, folder)).toEqual([])
  await mkdir(join(folder, '9999_new'))
  await writeFile(join(folder, '9999_new/migration.sql'), 'CREATE TABLE added (id int)')
  expect(await migrate(database.url, silentLog, folder)).toEqual(['9999_new'])
})

test('leaves nothing behind of a migration that fails, and takes it up again once it is mended', async () => {
  await migrate(database.url, silentLog, folder)
  await mkdir(join(folder, '9999_new'))
  const file = join(folder, '9999_new/migration.sql')
  await writeFile(file, 'CREATE TABLE added (id int); SELECT 1/0')
  await expect(migrate(database.url, silentLog, folder)).rejects.toThrow('division by zero')
  expect(await query("SELECT to_regclass('added') AS found")).toEqual([{ found: null }])
  await writeFile(file, 'CREATE TABLE added (id int)')
  expect(await migrate(database.url, silentLog, folder)).toEqual(['9999_new'])
})

test('tries a migration again that met a deadlock with a process that serves', async () => {
  await migrate(database.url, silentLog, folder)
  await query('CREATE TABLE one (id int); CREATE TABLE two (id int)')
  await mkdir(join(folder, '9999_new'))
  await writeFile(join(folder, '9999_new/migration.sql'), 'LOCK TABLE one; ALTER TABLE two ADD COLUMN added int')
  const serving = new pg.Client({ connectionString: database.url })
  await serving.connect()
  try {
    // The other side of the deadlock looks for it first, and so is the one that fails.
    await serving.query("SET deadlock_timeout = '1min'; BEGIN; INSERT INTO two VALUES (1)")
    const migrated = migrate(database.url, silentLog, folder)
    await expect
      .poll(() => query("SELECT 1 FROM pg_locks WHERE relation = 'two'::regclass AND NOT granted"), { timeout: 20_000 })
      .toHaveLength(1)
    await serving.query('INSERT INTO one VALUES (1); COMMIT')
    expect(await migrated).toEqual(['9999_new'])
  } finally {
    await serving.end()
  }
})

test('refuses a migration that was edited after it was applied', async () => {
  await migrate(database.url, silentLog, folder)
  const [first] = await names()
  const file = join(folder, String(first), 'migration.sql')
  await writeFile(file, `${await readFile(file, 'utf8')}\n-- edited\n`)
  await expect(migrate(database.url, silentLog, folder)).rejects.toThrow(`The migration ${first} was applied with other content`)
})

/** What a database has, one fact a line. Names of constraints are ours to choose, and so are part of it. */
async function facts(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ fact: string }>(FACTS)
    return rows.map((row) => row.fact)
  } finally {
    await client.end()
  }
}

const FACTS = `
  SELECT concat_ws(' ', 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
      'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS fact
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'
  UNION ALL SELECT concat_ws(' ', 'enum', t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder))
    FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.typname
  UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f') AND conrelid <> '_prisma_migrations'::regclass
  UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid))
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> '_prisma_migrations' AND i.indpred IS NULL AND i.indexprs IS NULL
  ORDER BY 1`

// Left out on purpose: see 0001_init, 0005_segments, 0021_fewer_foreign_keys and 0022_delivery.
const without = [
  'notification_project_id_fkey',
  'notification_project_id_template_id_fkey',
  'notification_project_id_campaign_id_fkey',
  'message_project_id_provider_id_fkey',
  'attempt_project_id_provider_id_fkey',
  'message_project_id_contact_id_fkey',
  'attempt_project_id_message_id_fkey',
  'delivery_project_id_message_id_fkey',
]

// Indexes on a condition or an expression, check constraints and storage options are left out: Prisma's schema has no words for them.
test('the migrations make exactly what prisma/schema.prisma says', async () => {
  await migrate(database.url, silentLog)
  const path = join(import.meta.dirname, '../../prisma/schema.prisma')
  const content = await readFile(path, 'utf8')
  const other = await createTestDatabase({ migrated: false })
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(other.url))
  const engine = await SchemaEngine.new({ datamodels: [[path, content]] }, () => {}, adapter)
  try {
    const { stdout } = await engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files: [{ path, content }] },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    })
    const client = new pg.Client({ connectionString: other.url })
    await client.connect()
    await client.query(`CREATE TABLE _prisma_migrations (); ${stdout}`).finally(() => client.end())
    const wanted = (await facts(other.url)).filter((fact) => !without.some((name) => fact.includes(name)))
    expect(await facts(database.url)).toEqual(wanted)
  } finally {
    engine.free()
    await other.drop()
  }
})
