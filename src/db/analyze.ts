/**
 * Statistics of tables that have grown. PostgreSQL keeps the plan of a prepared statement, and of a foreign key's check, until the table is
 * analysed: one that was made while the table was small reads all of it for each row. Autovacuum comes by once a minute, and a send to many
 * right after an import would take many times as long until then.
 */
import type { Runner } from './database.ts'

/** Tables that grew by less, in pages of 8 KB, are read at once whatever the plan is: some five thousand contacts. */
const GROWN_PAGES = 64
/** Of what a send to many fills while it looks things up in it, for each of its rows: some hundred rows. */
const FILLED_PAGES = 4
/** What is looked up row by row, and the pages by which it has to grow. */
const TABLES = {
  contact: GROWN_PAGES,
  feed_state: GROWN_PAGES,
  topic_member: GROWN_PAGES,
  notification: FILLED_PAGES,
  message: FILLED_PAGES,
  delivery: GROWN_PAGES,
  attempt: GROWN_PAGES,
  fanout: GROWN_PAGES,
}
/** How many pages are read to find a row. */
const SAMPLED_PAGES = 64

/**
 * Analyses the tables that are four times as large as when that was last done, and have more than a few rows: nothing most of the time. Blocks
 * nobody, and leaves a table that is being vacuumed to that. One in which there are only rows that are not committed yet, as during an import,
 * is left until they are: PostgreSQL would record that it is empty, and look up each row by whatever index it likes, reading all of the table.
 * @returns their names
 */
export async function analyzeGrown(db: Runner): Promise<string[]> {
  const { rows } = await db.query<{ name: string; pages: number }>({
    name: 'grown-tables',
    text: `SELECT c.relname AS name, s.pages
      FROM unnest($1::text[], $2::int[]) AS t (name, pages) JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.name)),
        LATERAL (SELECT (pg_relation_size(c.oid) / current_setting('block_size')::int)::int AS pages) s
      WHERE s.pages > GREATEST(c.relpages * 4, c.relpages + t.pages)`,
    values: [Object.keys(TABLES), Object.values(TABLES)],
  })
  const analyzed: string[] = []
  let failure: unknown
  for (const { name, pages } of rows) {
    try {
      const percent = Math.min(100, (100 * SAMPLED_PAGES) / pages)
      const { rows: seen } = await db.query(`SELECT FROM "${name}" TABLESAMPLE SYSTEM (${percent}) LIMIT 1`)
      if (seen.length === 0) continue
      await db.query(`ANALYZE (SKIP_LOCKED) "${name}"`)
      analyzed.push(name)
    } catch (error) {
      // One that takes too long does not keep the others from it.
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return analyzed
}
