/** All that the database holds of a project: compared before and after, it shows that nothing changed. */
import pg from 'pg'

/**
 * Its rows in every table that names projects, as text. When its keys were last used does not count, nor do statistics: what was added to them
 * is folded into sums in the background.
 */
export async function rowsOf(databaseUrl: string, projectId: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ table: string }>(
      "SELECT table_name AS table FROM information_schema.columns WHERE column_name = 'project_id' AND table_schema = 'public' AND table_name NOT LIKE 'stat\\_%' ORDER BY 1",
    )
    const all: string[] = []
    for (const { table } of tables) {
      const { rows } = await client.query<{ row: string }>(
        `SELECT (to_jsonb(x) - 'last_used_at')::text AS row FROM ${table} x WHERE project_id = $1 ORDER BY 1`,
        [projectId],
      )
      all.push(...rows.map(({ row }) => `${table} ${row}`))
    }
    return all
  } finally {
    await client.end()
  }
}
