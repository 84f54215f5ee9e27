/** Fills the outbox in advance: B2 and B3 measure only what comes after a message was accepted. */
import type pg from 'pg'

/** Inserts `count` e-mails that are due, one for each of as many contacts, by SQL alone. */
export async function fillQueue(pool: pg.Pool, projectId: string, transactionId: string, count: number): Promise<void> {
  await pool.query(
    `INSERT INTO contact (project_id, id, external_id, email, first_name)
     SELECT $1, uuidv7(), 'q' || n, 'q' || n || '@example.com', 'Queue' FROM generate_series(1, $2::int) n ON CONFLICT DO NOTHING`,
    [projectId, count],
  )
  await pool.query(
    `WITH c AS (SELECT id, row_number() OVER () AS n FROM contact WHERE project_id = $1 AND external_id LIKE 'q%' LIMIT $3),
     n AS (
       INSERT INTO notification (project_id, id, transaction_id, template_id, contact_id, data, channels)
       SELECT $1, uuidv7(), $2, (SELECT id FROM template WHERE project_id = $1 AND key = 'bench'), c.id, jsonb_build_object('n', c.n), '{EMAIL}' FROM c
       RETURNING id, contact_id),
     m AS (
       INSERT INTO message (project_id, id, notification_id, contact_id, channel, status, history)
       SELECT $1, uuidv7(), n.id, n.contact_id, 'EMAIL', 'QUEUED', '[]' FROM n
       RETURNING project_id, id, notification_id, contact_id, channel, bulk, created_at)
     INSERT INTO delivery (project_id, message_id, notification_id, contact_id, channel, bulk, due_at, created_at)
     SELECT project_id, id, notification_id, contact_id, channel, bulk, now(), created_at FROM m`,
    [projectId, transactionId, count],
  )
}

/**
 * Waits until no message of the project is queued or being sent.
 * @returns for the transaction: the seconds from the beginning of the first attempt to the writing of the last outcome, and how many were sent
 */
export async function drained(
  pool: pg.Pool,
  projectId: string,
  transactionId: string,
): Promise<{ seconds: number; sent: number }> {
  for (;;) {
    const { rows } = await pool.query('SELECT 1 FROM delivery WHERE project_id = $1 LIMIT 1', [projectId])
    if (rows.length === 0) break
    // Each look passes over all that has left the table and is not vacuumed yet.
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { rows } = await pool.query(
    `SELECT extract(epoch FROM max(m.updated_at) - min(a.started_at))::float8 AS seconds, count(*) FILTER (WHERE m.status = 'SENT')::int AS sent
     FROM message m JOIN notification n ON n.project_id = m.project_id AND n.id = m.notification_id
     LEFT JOIN attempt a ON a.project_id = m.project_id AND a.message_id = m.id AND a.number = 1
     WHERE n.project_id = $1 AND n.transaction_id = $2`,
    [projectId, transactionId],
  )
  return rows[0]
}
