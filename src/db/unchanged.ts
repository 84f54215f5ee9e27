/**
 * Whether rows are still as they were looked up for an earlier batch: compared in the statement that writes what was decided by them, so that no
 * change that was committed before it is overlooked, whichever process made it. Rows are found by their keys alone, and compared by `xmin` (db/lookup.ts).
 */
import type { Channel } from '../words.ts'
import { plainArray, textArray } from './array.ts'
import { hasHashes, hashOf } from './hash.ts'
import type { Named, Versioned } from './lookup.ts'

/** What decisions depend on, as it was looked up. */
export interface Seen {
  readonly templates: readonly (Named & Versioned)[]
  /** by externalId */
  readonly contacts: readonly (Named & Versioned)[]
  /** active providers of projects */
  readonly providers: readonly ({ readonly projectId: string } & Versioned)[]
  /** addresses that were not suppressed */
  readonly addresses: readonly { readonly projectId: string; readonly channel: Channel; readonly address: string }[]
}

/** One version for several rows, in any order. */
export const versionOfAll = (rows: readonly ({ readonly id: string } & Versioned)[]): string =>
  rows
    .map(({ id, rowVersion }) => `${id}:${rowVersion}`)
    .sort()
    .join(',')

/**
 * SQL: whether all of it is as it was. OFFSET: by a look-up for each. Rides on template_project_id_key_key, contact_project_id_external_id_key,
 * provider_pkey, suppression_project_id_channel_address_key and suppression_hash.
 * @param first the number of the first of its parameters, which `seenValues` makes
 */
export function isUnchanged(first: number): string {
  const $ = (index: number): string => `$${first + index}`
  return `(NOT EXISTS (SELECT FROM unnest(${$(0)}::uuid[], ${$(1)}::text[], ${$(2)}::text[]) AS w (project_id, key, version) WHERE NOT EXISTS (
      SELECT FROM template t WHERE t.project_id = w.project_id AND t.key = w.key AND t.xmin::text = w.version AND t.deleted_at IS NULL OFFSET 0))
    AND NOT EXISTS (SELECT FROM unnest(${$(3)}::uuid[], ${$(4)}::text[], ${$(5)}::text[]) AS w (project_id, key, version) WHERE NOT EXISTS (
      SELECT FROM contact c WHERE c.project_id = w.project_id AND c.external_id = w.key AND c.xmin::text = w.version OFFSET 0))
    AND NOT EXISTS (SELECT FROM unnest(${$(6)}::uuid[], ${$(7)}::text[]) AS w (project_id, version) WHERE w.version IS DISTINCT FROM (
      SELECT COALESCE(string_agg(p.id || ':' || p.xmin, ',' ORDER BY p.id), '') FROM provider p WHERE p.project_id = w.project_id AND p.active))
    AND ${areUnsuppressed(first + 8)})`
}

/**
 * SQL: whether none of these addresses is suppressed. OFFSET: as above.
 * @param first the number of the first of its parameters, which `addressValues` makes
 */
export function areUnsuppressed(first: number): string {
  const $ = (index: number): string => `$${first + index}`
  return `NOT EXISTS (SELECT FROM unnest(${$(0)}::uuid[], ${$(1)}::channel[], ${$(2)}::text[]) AS w (project_id, channel, address) WHERE EXISTS (
      SELECT FROM suppression s WHERE s.project_id = w.project_id AND s.channel = w.channel AND s.address = w.address OFFSET 0)
      OR (${hasHashes('suppression', $(0))} AND EXISTS (SELECT FROM suppression s WHERE s.project_id = w.project_id AND s.channel = w.channel
        AND s.address = ${hashOf('w.project_id', 'w.address')} AND s.is_hash OFFSET 0)))`
}

/** The parameters of `areUnsuppressed`. */
export const addressValues = (addresses: Seen['addresses']): string[] => [
  plainArray(addresses.map((one) => one.projectId)),
  plainArray(addresses.map((one) => one.channel)),
  textArray(addresses.map((one) => one.address)),
]

/** The parameters of `isUnchanged`. */
export const seenValues = ({ templates, contacts, providers, addresses }: Seen): string[] => [
  plainArray(templates.map((one) => one.projectId)),
  textArray(templates.map((one) => one.key)),
  plainArray(templates.map((one) => one.rowVersion)),
  plainArray(contacts.map((one) => one.projectId)),
  textArray(contacts.map((one) => one.key)),
  plainArray(contacts.map((one) => one.rowVersion)),
  plainArray(providers.map((one) => one.projectId)),
  textArray(providers.map((one) => one.rowVersion)),
  ...addressValues(addresses),
]
