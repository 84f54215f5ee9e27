/**
 * What is left of an id or an address that named a person who was erased: enough to know it when it comes again, and not what it was. It begins
 * with a character that no id may have. A row with a hash has `is_hash`.
 */

import { createHash } from 'node:crypto'

/** SQL: the hash of a text of a project. */
export const hashOf = (projectId: string, text: string): string =>
  `'§' || encode(sha256(convert_to(${projectId}::text || ' ' || ${text}, 'UTF8')), 'hex')`

/** The same as `hashOf`, computed here. */
export const hashedName = (projectId: string, text: string): string =>
  `§${createHash('sha256').update(`${projectId} ${text}`).digest('hex')}`

/**
 * SQL: whether one of these projects (a parameter, uuid[]) has hashes. It depends on no row, so PostgreSQL evaluates it once for a statement,
 * and computes no hash where it is false. Rides on the tables' index of hashes.
 */
export const hasHashes = (table: 'spent_id' | 'transaction' | 'suppression', projectIds: string): string =>
  `EXISTS (SELECT FROM ${table} WHERE project_id = ANY(${projectIds}::uuid[]) AND is_hash)`
