/** The copies of an e-mail, cc and bcc: nothing is sent to a suppressed one. They are known only when the e-mail is rendered. */
import type { Runner } from '../db/database.ts'
import { findSuppressed } from '../db/lookup.ts'
import { suppressionKey } from '../domain/suppression.ts'
import { readMailbox } from '../values/mailbox.ts'
import type { SuppressionReason } from '../words.ts'
import { barredFor } from './decide.ts'

const NONE: ReadonlyMap<string, SuppressionReason> = new Map()

/**
 * Looks up which copies are suppressed. `copies`: mailboxes, as they are rendered.
 * @returns those that are left out, and why
 */
export async function suppressedCopies(
  db: Runner,
  projectId: string,
  isCritical: boolean,
  copies: readonly string[],
): Promise<ReadonlyMap<string, SuppressionReason>> {
  if (copies.length === 0) return NONE
  const channel = 'EMAIL' as const
  const keyOf = (copy: string): string => suppressionKey(channel, readMailbox(copy)?.address ?? copy)
  const wanted = [...new Set(copies.map(keyOf))].map((address) => ({ projectId, channel, address }))
  const reasons = new Map((await findSuppressed(db, wanted)).map((one) => [one.address, one.reason]))
  return new Map(
    copies.flatMap((copy) => {
      const reason = barredFor(isCritical, reasons.get(keyOf(copy)))
      return reason === null ? [] : [[copy, reason]]
    }),
  )
}
