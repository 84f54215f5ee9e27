/**
 * What is read for a batch of messages before it is sent, because it may have changed since they were accepted: an address may have been
 * suppressed, a device added, an in-app message read, an item of a digest canceled.
 */
import type { Claimed } from '../db/claim.ts'
import { findConditionFacts } from '../db/condition-facts.ts'
import type { Database } from '../db/database.ts'
import { readFolded } from '../db/digest.ts'
import { suppressionKeys } from '../domain/suppression.ts'
import { addressesOf, type Routes } from '../send/decide.ts'
import { lookUpReach } from '../send/known.ts'
import type { ConditionFacts } from '../send/rule.ts'
import { type Channel, type CredentialInfo, type DigestItems, needsCredentials, type SuppressionReason } from '../words.ts'

/** What the decision about one message depends on, apart from the message itself. */
export interface Surroundings {
  readonly routes: Routes
  readonly credentials: readonly CredentialInfo[]
  readonly suppressed: ReadonlyMap<string, SuppressionReason>
  /** undefined: the message has no condition */
  readonly facts: ConditionFacts | undefined
  /** the items that are left in the digest; undefined: the message is not a digest */
  readonly digest: DigestItems | undefined
}

/** Reads the surroundings of a batch. @returns those of one message; null: every item of its digest was canceled since it was closed */
export async function readSurroundings(
  db: Database,
  routes: ReadonlyMap<string, Routes>,
  batch: readonly Claimed[],
): Promise<(message: Claimed) => Surroundings | null> {
  const [reach, facts, digests] = await Promise.all([readReach(db, routes, batch), readFacts(db, batch), readDigests(db, batch)])
  return (message) => {
    const { projectId, contact, digestId } = message
    const digest = digestId === null ? undefined : digests.get(digestId)
    if (digestId !== null && digest === undefined) return null
    return {
      routes: routes.get(projectId) ?? new Map(),
      credentials: (contact === null ? undefined : reach.credentials.get(contact.id)) ?? [],
      suppressed: reach.suppressed.get(projectId) ?? new Map(),
      facts: facts.get(message.id),
      digest,
    }
  }
}

function readReach(db: Database, routes: ReadonlyMap<string, Routes>, batch: readonly Claimed[]) {
  const addresses: { projectId: string; channel: Channel; address: string }[] = []
  for (const message of batch) {
    const { projectId, contact } = message
    if (contact !== null) for (const { channel, address } of addressesOf(contact)) addresses.push({ projectId, channel, address })
    else if (message.address !== null) {
      const { channel } = message
      for (const address of suppressionKeys(channel, message.address)) addresses.push({ projectId, channel, address })
    }
  }
  const reached = batch.flatMap(({ projectId, contact, channel }) =>
    contact !== null && needsCredentials(channel) ? [{ projectId, id: contact.id }] : [],
  )
  const contacts = [...new Map(reached.map((one) => [one.id, one])).values()]
  return lookUpReach(db.pool, routes, contacts, addresses)
}

/** Not read for a message that may have arrived: its condition held when the attempt began. */
async function readFacts(db: Database, batch: readonly Claimed[]): Promise<ReadonlyMap<string, ConditionFacts>> {
  const conditional = batch.filter((message) => message.isConditional && !message.attemptBegan)
  return new Map(conditional.length === 0 ? [] : (await findConditionFacts(db.pool, conditional)).map((row) => [row.id, row]))
}

async function readDigests(db: Database, batch: readonly Claimed[]): Promise<ReadonlyMap<string, DigestItems>> {
  const digests = batch.flatMap(({ projectId, digestId, notificationId }) =>
    digestId === null ? [] : [{ projectId, digestId, ownId: notificationId }],
  )
  const once = [...new Map(digests.map((one) => [one.digestId, one])).values()]
  return once.length === 0 ? new Map() : readFolded(db.pool, once, { lock: false })
}
