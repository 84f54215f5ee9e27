/** Values of Notifuse's API of 2016: operations on a profile, the head of every answer, and what may be shown of a message's data. */
import { z } from 'zod'
import type { UpsertInput, UpsertResult } from '../domain/contact.ts'
import { problem } from '../errors.ts'
import type { JsonObject } from '../words.ts'
import { type Call, projectOf } from './dialect.ts'
import { jsonObjectOfPhp } from './values.ts'

/** Operations on a contact's profile, as requests have them. */
export const operations = z
  .strictObject({
    $set: jsonObjectOfPhp.optional().meta({ description: 'Path → value to set.' }),
    $push: jsonObjectOfPhp.optional().meta({ description: 'Path → value to append to a list.' }),
    $inc: jsonObjectOfPhp.optional().meta({ description: 'Path → number to add.' }),
  })
  .meta({ description: 'Operations on the profile; all of them are applied, or none.' })
export type Operations = z.output<typeof operations>

/** What every answer begins with. */
export const envelope = { statusCode: z.literal(200), success: z.boolean() }

/** The contact that operations make. */
export const upsertOf = (
  externalId: string,
  profile: Operations | null | undefined,
  createdAt: Date | null | undefined,
): UpsertInput => ({
  externalId,
  createdAt,
  profile: profile === null || profile === undefined ? null : { set: profile.$set, push: profile.$push, inc: profile.$inc },
})

const isGiven = (operation: JsonObject | null | undefined): boolean =>
  operation !== null && operation !== undefined && Object.keys(operation).length > 0

/** Whether operations change a profile each time that they are applied. */
export const addsUp = (profile: Operations | null | undefined): boolean =>
  profile !== null && profile !== undefined && (isGiven(profile.$push) || isGiven(profile.$inc))

const UNKNOWN =
  'The connection to the database was lost: the contact may or may not have been changed. Look at it before you repeat this.'

/**
 * Changes contacts, in one transaction. Where nobody knows whether it was committed, each of them failed if a repeated call would add to a
 * profile again: clients repeat a call that is answered with an error.
 */
export async function upsertContacts(call: Call, contacts: readonly UpsertInput[]): Promise<UpsertResult> {
  if (contacts.length === 0) return { inserted: [], updated: [], failed: [] }
  try {
    return await call.carillon.contacts.upsert(projectOf(call).id, contacts)
  } catch (error) {
    const isRepeatable = contacts.every(({ profile }) => !isGiven(profile?.push) && !isGiven(profile?.inc))
    if (isRepeatable || call.problemOf(error).code !== 'OUTCOME_UNKNOWN') throw error
    const ids = [...new Set(contacts.map(({ externalId }) => externalId))]
    return {
      inserted: [],
      updated: [],
      failed: ids.map((externalId) => ({ externalId, error: problem('OUTCOME_UNKNOWN', UNKNOWN) })),
    }
  }
}

/** A text that an item has, whatever else is wrong with it. */
export function textIn(value: unknown, name: string): string | undefined {
  const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  return typeof text === 'string' ? text : undefined
}

const isSecret = (name: string): boolean => name.startsWith('_')

/** What may be shown of a message's data: not what was marked as secret. */
export const shownData = (data: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(data).filter(([name]) => !isSecret(name)))

/** Whether something in a message's data was marked as secret. */
export const hasSecrets = (data: JsonObject): boolean => Object.keys(data).some(isSecret)
