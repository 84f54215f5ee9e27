/** Device tokens: assigns each to one message of a transaction, and removes those that no longer work. */
import { createHash } from 'node:crypto'
import type { Runner } from './database.ts'

/**
 * Assigns device tokens to a message. A device gets one push per transaction, even if several contacts have it: a token that is assigned to
 * another message of the transaction stays with that one. Rides on device_claim_pkey; rows are locked in the order of the tokens' hashes.
 * @returns the tokens that are assigned to this message
 */
export async function assignDeviceTokens(
  db: Runner,
  message: { readonly projectId: string; readonly transactionId: string; readonly id: string },
  tokens: readonly string[],
): Promise<Set<string>> {
  const byHash = new Map(tokens.map((token) => [createHash('sha256').update(token).digest('hex'), token]))
  const { rows } = await db.query<{ hash: string }>({
    name: 'assign-device-tokens',
    // Another attempt of the same message gets its own tokens again.
    text: `INSERT INTO device_claim AS d (project_id, transaction_id, token_hash, message_id)
      SELECT $1, $2, decode(hash, 'hex'), $3 FROM unnest($4::text[]) AS hash ORDER BY hash
      ON CONFLICT (project_id, transaction_id, token_hash) DO UPDATE SET message_id = d.message_id WHERE d.message_id = EXCLUDED.message_id
      RETURNING encode(d.token_hash, 'hex') AS hash`,
    values: [message.projectId, message.transactionId, message.id, [...byHash.keys()]],
  })
  return new Set(rows.flatMap((row) => byHash.get(row.hash) ?? []))
}

/** Removes a device token that no longer works from a contact's credential. Rides on credential_pkey. */
export async function removeDeviceToken(
  db: Runner,
  credential: { readonly projectId: string; readonly contactId: string; readonly providerId: string },
  token: string,
): Promise<void> {
  await db.query({
    name: 'remove-device-token',
    text: `UPDATE credential SET device_tokens = array_remove(device_tokens, $4), updated_at = now()
      WHERE project_id = $1 AND contact_id = $2 AND provider_id = $3`,
    values: [credential.projectId, credential.contactId, credential.providerId, token],
  })
}

/**
 * Adds device tokens to those of a contact's credential, in one statement, so that two calls at a time lose none. Rides on credential_pkey.
 * @returns false: there would be more than `max`, and none was added
 */
export async function addDeviceTokens(
  db: Runner,
  credential: { readonly projectId: string; readonly contactId: string; readonly providerId: string },
  tokens: readonly string[],
  { at, max }: { readonly at: Date; readonly max: number },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'add-device-tokens',
    text: `INSERT INTO credential AS c (project_id, contact_id, provider_id, device_tokens, updated_at) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (project_id, contact_id, provider_id) DO UPDATE SET updated_at = $5,
        device_tokens = c.device_tokens || ARRAY(SELECT t FROM unnest($4::text[]) AS t WHERE t <> ALL (c.device_tokens))
      WHERE cardinality(c.device_tokens || ARRAY(SELECT t FROM unnest($4::text[]) AS t WHERE t <> ALL (c.device_tokens))) <= $6`,
    values: [credential.projectId, credential.contactId, credential.providerId, tokens, at, max],
  })
  return rowCount === 1
}
