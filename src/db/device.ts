/** Devices of contacts: which message of a transaction tells them, and forgetting those that are gone. */
import { createHash } from 'node:crypto'
import type { Runner } from './database.ts'

/**
 * Claims devices for one message of a transaction: one that another message of it has told is not told again, whosever it is.
 * @returns those of the tokens that are this message's
 */
export async function claimDevices(
  db: Runner,
  message: { readonly projectId: string; readonly transactionId: string; readonly id: string },
  tokens: readonly string[],
): Promise<Set<string>> {
  const byHash = new Map(tokens.map((token) => [createHash('sha256').update(token).digest('hex'), token]))
  const { rows } = await db.query<{ hash: string }>({
    name: 'claim-devices',
    // An attempt of the same message finds its own claim, and goes on.
    text: `INSERT INTO device_claim AS d (project_id, transaction_id, token_hash, message_id)
      SELECT $1, $2, decode(hash, 'hex'), $3 FROM unnest($4::text[]) AS hash ORDER BY hash
      ON CONFLICT (project_id, transaction_id, token_hash) DO UPDATE SET message_id = d.message_id WHERE d.message_id = EXCLUDED.message_id
      RETURNING encode(d.token_hash, 'hex') AS hash`,
    values: [message.projectId, message.transactionId, message.id, [...byHash.keys()]],
  })
  return new Set(rows.flatMap((row) => byHash.get(row.hash) ?? []))
}

/** Forgets a device that is gone. */
export async function forgetDevice(
  db: Runner,
  credential: { readonly projectId: string; readonly contactId: string; readonly providerId: string },
  token: string,
): Promise<void> {
  await db.query({
    name: 'forget-device',
    text: `UPDATE credential SET device_tokens = array_remove(device_tokens, $4), updated_at = now()
      WHERE project_id = $1 AND contact_id = $2 AND provider_id = $3`,
    values: [credential.projectId, credential.contactId, credential.providerId, token],
  })
}
