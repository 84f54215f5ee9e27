/** Contacts: who can be notified. */
import { type Database, transact } from '../db/database.ts'
import { eraseContacts, findErasable, type Selector } from '../db/erase.ts'
import { findContacts } from '../db/lookup.ts'
import { insertContacts, lockContacts, updateContacts } from '../db/upsert.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { atIndex, checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { applyOperations, type ProfileOperations } from './operations.ts'
import { type ContactInput, checkContact, isContactField } from './profile.ts'
import { type ContactField, type ContactInfo, contactFields, type JsonObject, profileOf } from './words.ts'

/** One contact of `upsertContacts`. */
export interface UpsertInput extends Omit<ContactInput, 'profile'> {
  readonly mode?: 'FILL_MISSING' | 'OVERWRITE' | null | undefined
  readonly profile?: ProfileOperations | null | undefined
  readonly createdAt?: Date | null | undefined
}

/** What became of them, by externalId; each is named once. */
export interface UpsertResult {
  readonly inserted: readonly string[]
  readonly updated: readonly string[]
  readonly failed: readonly { readonly externalId: string; readonly error: Problem }[]
}

/** What contacts work with. */
export interface ContactDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
}

const RETRIES = 5
const EMPTY: Readonly<Record<ContactField, string | null>> = {
  email: null,
  phone: null,
  locale: null,
  timezone: null,
  firstName: null,
  lastName: null,
  photoUrl: null,
  country: null,
}

/** The contact after one more input. @throws BAD_INPUT, ADDRESS_INVALID */
function applyInput(contact: ContactInfo, input: UpsertInput): ContactInfo {
  const { fields } = checkContact('contact', { ...input, profile: null })
  const overwrite = input.mode === 'OVERWRITE'
  const named: Partial<Record<ContactField, string | null>> = {}
  for (const field of contactFields) {
    const value = fields[field]
    if (value !== undefined && (overwrite || contact[field] === null)) named[field] = value
    // Overwriting with an explicit null removes the field.
    else if (overwrite && input[field] === null) named[field] = null
  }
  const merged: ContactInfo = { ...contact, ...named }
  if (input.profile === null || input.profile === undefined) return merged
  const { id: _id, externalId: _externalId, ...profile } = profileOf(merged)
  const after = applyOperations(profile, input.profile)
  const properties: Record<string, JsonObject[string]> = {}
  const written: Record<ContactField, string | null> = { ...EMPTY }
  for (const [key, value] of Object.entries(after)) {
    if (!isContactField(key)) properties[key] = value
    else if (typeof value === 'string') written[key] = value
  }
  if (JSON.stringify(properties).length > 65_536) {
    throw new CarillonError('TOO_LARGE', {
      field: 'profile',
      max: 65_536,
      message: 'The profile has more than 65,536 characters as JSON.',
    })
  }
  return { ...merged, ...written, properties }
}

/** Somebody else inserted a contact between our look and our write. Thrown, so that the transaction takes everything back. */
class Overtaken extends Error {
  override readonly name = 'Overtaken'
}

/** Makes the operations of contacts. */
export function createContacts({ db, clock, ids }: ContactDeps) {
  async function upsertOnce(projectId: string, inputs: ReadonlyMap<string, readonly UpsertInput[]>): Promise<UpsertResult> {
    return transact(db.pool, async (tx) => {
      const known = new Map(
        (await lockContacts(tx, projectId, [...inputs.keys()])).map((contact) => [contact.externalId, contact]),
      )
      const failed: { externalId: string; error: Problem }[] = []
      const inserts: (ContactInfo & { createdAt: string })[] = []
      const updates: ContactInfo[] = []
      for (const [externalId, list] of inputs) {
        try {
          const before = known.get(externalId)
          let contact: ContactInfo = before ?? {
            id: ids(),
            externalId: checkKey('externalId', externalId),
            ...EMPTY,
            properties: {},
            preferences: {},
          }
          for (const input of list) contact = applyInput(contact, input)
          const createdAt =
            list.find((input) => input.createdAt !== null && input.createdAt !== undefined)?.createdAt ?? clock.now()
          if (before === undefined) inserts.push({ ...contact, createdAt: createdAt.toISOString() })
          else updates.push(contact)
        } catch (error) {
          if (!(error instanceof CarillonError)) throw error
          failed.push({ externalId, error: problem(error.code, error.message, error.details.field ?? null) })
        }
      }
      const inserted = inserts.length === 0 ? new Set<string>() : await insertContacts(tx, projectId, inserts)
      // Somebody else inserted one between our look and our write: what we computed for it is not based on what is there.
      if (inserted.size < inserts.length) throw new Overtaken()
      if (updates.length > 0) await updateContacts(tx, projectId, updates)
      return { inserted: inserts.map((one) => one.externalId), updated: updates.map((one) => one.externalId), failed }
    })
  }

  return {
    /** Inserts or changes up to 1,000 contacts; a bad one fails alone. */
    async upsert(projectId: string, contacts: readonly UpsertInput[]): Promise<UpsertResult> {
      checkList('contacts', contacts, 1000)
      const inputs = new Map<string, UpsertInput[]>()
      for (const input of contacts) inputs.set(input.externalId, [...(inputs.get(input.externalId) ?? []), input])
      // A NUL can't be sent to the database at all, not even to look.
      for (const externalId of inputs.keys()) if (externalId.includes('\0')) checkKey('externalId', externalId)
      for (let attempt = 1; attempt <= RETRIES; attempt++) {
        try {
          return await upsertOnce(projectId, inputs)
        } catch (error) {
          // Rolled back whole: what was applied to the others of the batch is not applied twice.
          if (!(error instanceof Overtaken)) throw error
        }
      }
      throw new CarillonError('OVERLOADED', { message: 'Other calls keep inserting the same contacts: try again.' })
    },

    /**
     * Erases contacts by id, e-mail (without case) or phone (as it was given): all who match. What there is not is not counted.
     * @throws BAD_INPUT, BATCH_TOO_LARGE
     */
    async erase(projectId: string, selectors: readonly Selector[]): Promise<number> {
      checkList('contacts', selectors, 1000)
      selectors.forEach((selector, index) => {
        for (const text of [selector.externalId, selector.email, selector.phone]) {
          if (typeof text === 'string') atIndex(index, () => checkText('contacts', text, 1000))
        }
      })
      const ids = await findErasable(db.pool, projectId, selectors)
      return ids.length === 0 ? 0 : transact(db.pool, (tx) => eraseContacts(tx, projectId, ids))
    },

    /** Says whether a contact is online; going offline sets when it last was. @returns its id. @throws CONTACT_NOT_FOUND */
    async setOnline({ projectId, contactId }: { projectId: string; contactId: string }, isOnline: boolean): Promise<string> {
      const now = clock.now()
      const { count } = await db.prisma.contact.updateMany({
        where: { projectId, id: contactId },
        data: { isOnline, ...(isOnline ? {} : { lastOnlineAt: now }) },
      })
      // A token outlives its contact.
      if (count === 0) throw new CarillonError('CONTACT_NOT_FOUND')
      return contactId
    },

    /** The keys of a contact's feed. @throws CONTACT_NOT_FOUND */
    async keyOf(projectId: string, externalId: string): Promise<{ projectId: string; contactId: string }> {
      const [contact] = externalId.includes('\0') ? [] : await findContacts(db.pool, [{ projectId, key: externalId }])
      if (contact === undefined) throw new CarillonError('CONTACT_NOT_FOUND')
      return { projectId, contactId: contact.id }
    },
  }
}
