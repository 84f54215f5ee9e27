/** Contacts: who can be notified. */
import type { Range } from '../db/audience.ts'
import { type Database, transact } from '../db/database.ts'
import type { Contact, Prisma } from '../db/generated/client.ts'
import { findContacts } from '../db/lookup.ts'
import { insertContacts, lockContacts, updateContacts } from '../db/upsert-contacts.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import { type ContactField, type ContactInfo, contactFields, emptyContact, type JsonObject, profileOf } from '../words.ts'
import { checkKey, checkList } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import type { Ids } from './ids.ts'
import { applyOperations, type ProfileOperations } from './operations.ts'
import { type ListPage, type Loading, type PageArgs, readPage } from './page.ts'
import { type ContactInput, checkContact, isContactField } from './profile.ts'
import type { AudienceFilter } from './segment.ts'

/** The input of `upsertContacts` for one contact. Default mode: FILL_MISSING. */
export interface UpsertInput extends Omit<ContactInput, 'profile'> {
  readonly externalId: string
  readonly mode?: 'FILL_MISSING' | 'OVERWRITE' | null | undefined
  readonly profile?: ProfileOperations | null | undefined
  readonly createdAt?: Date | null | undefined
}

/** The externalIds of contacts that were inserted, updated, or refused; each contact is in one list, once. */
export interface UpsertResult {
  readonly inserted: readonly string[]
  readonly updated: readonly string[]
  readonly failed: readonly { readonly externalId: string; readonly error: Problem }[]
}

/** The two keys of a contact's row. */
export interface ContactKey {
  readonly projectId: string
  readonly contactId: string
}

/** What `createContacts` needs. */
export interface ContactDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  /** The contacts that a filter means. @throws BAD_INPUT */
  audience(
    projectId: string,
    filter: AudienceFilter,
  ): Promise<{ find(range: Range): Promise<string[]>; count(): Promise<number> }>
}

type Query = Loading<Prisma.ContactDefaultArgs>

const RETRIES = 5

/** The contact after an input is applied to it. @throws BAD_INPUT, ADDRESS_INVALID, TOO_LARGE */
function applyInput(contact: ContactInfo, input: UpsertInput): ContactInfo {
  const { fields } = checkContact('contact', { ...input, profile: null }, contact.country)
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
  const written: Record<ContactField, string | null> = { ...emptyContact }
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

/** Another transaction inserted a contact between our read and our write. Thrown to roll the transaction back. */
class Overtaken extends Error {
  override readonly name = 'Overtaken'
}

/** Creates the operations of contacts. */
export function createContacts({ db, clock, ids, cursors, audience }: ContactDeps) {
  async function upsertOnce(
    projectId: string,
    inputs: ReadonlyMap<string, readonly UpsertInput[]>,
    refuse: (input: UpsertInput | undefined, error: CarillonError) => void,
    isDryRun: boolean,
  ): Promise<UpsertResult> {
    return transact(db.pool, async (tx) => {
      // A NUL can't be sent to the database, not even in a query. Such an id is refused below.
      const asked = [...inputs.keys()].filter((externalId) => !externalId.includes('\0'))
      const known = new Map((await lockContacts(tx, projectId, asked)).map((contact) => [contact.externalId, contact]))
      const failed: { externalId: string; error: Problem }[] = []
      const inserts: (ContactInfo & { createdAt: string })[] = []
      const updates: ContactInfo[] = []
      for (const [externalId, list] of inputs) {
        let [last] = list
        try {
          const before = known.get(externalId)
          let contact: ContactInfo = before ?? {
            id: ids(),
            externalId: checkKey('externalId', externalId),
            ...emptyContact,
            properties: {},
            preferences: {},
          }
          let createdAt: Date | null = null
          for (const input of list) {
            last = input
            contact = applyInput(contact, input)
            if (input.createdAt) createdAt ??= checkTime('contact.createdAt', input.createdAt)
          }
          if (before === undefined) inserts.push({ ...contact, createdAt: (createdAt ?? clock.now()).toISOString() })
          else updates.push(contact)
        } catch (error) {
          if (!(error instanceof CarillonError)) throw error
          refuse(last, error)
          failed.push({ externalId, error: problem(error.code, error.message, error.details.field ?? null) })
        }
      }
      const result = { inserted: inserts.map((one) => one.externalId), updated: updates.map((one) => one.externalId), failed }
      if (isDryRun) return result
      const inserted = inserts.length === 0 ? new Set<string>() : await insertContacts(tx, projectId, inserts)
      // Another transaction inserted one between our read and our write, so what we computed is not based on the stored contact.
      if (inserted.size < inserts.length) throw new Overtaken()
      if (updates.length > 0) await updateContacts(tx, projectId, updates)
      return result
    })
  }

  const { prisma } = db

  /** null: there is none, or it was erased. */
  async function findById({ projectId, contactId }: ContactKey, query: Query = {}): Promise<Contact | null> {
    return prisma.contact.findUnique({ ...query, where: { projectId_id: { projectId, id: contactId } } })
  }

  return {
    /** One contact; null when there is none. */
    async find(projectId: string, externalId: string, query: Query = {}): Promise<Contact | null> {
      if (externalId.includes('\0')) return null
      return prisma.contact.findUnique({ ...query, where: { projectId_externalId: { projectId, externalId } } })
    },

    /** Contacts with their credentials, in the order of their externalIds as given; one without a contact is left out. */
    async described(projectId: string, externalIds: readonly string[]) {
      const wanted = externalIds.filter((externalId) => !externalId.includes('\0'))
      const found = await prisma.contact.findMany({
        where: { projectId, externalId: { in: wanted } },
        include: { credentials: { include: { provider: { select: { key: true, kind: true, channel: true } } } } },
      })
      const byExternalId = new Map(found.map((contact) => [contact.externalId, contact]))
      return wanted.flatMap((externalId) => byExternalId.get(externalId) ?? [])
    },

    /** Those of the externalIds that have a contact, in their order. */
    async known(projectId: string, externalIds: readonly string[]): Promise<string[]> {
      const wanted = externalIds.filter((externalId) => !externalId.includes('\0'))
      const found = await prisma.contact.findMany({
        where: { projectId, externalId: { in: wanted } },
        select: { externalId: true },
      })
      const names = new Set(found.map((one) => one.externalId))
      return wanted.filter((one) => names.has(one))
    },

    findById,

    /** A contact by its row's keys. @throws CONTACT_NOT_FOUND when it was erased */
    async withId(key: ContactKey, query: Query = {}): Promise<Contact> {
      const contact = await findById(key, query)
      if (contact === null) throw new CarillonError('CONTACT_NOT_FOUND')
      return contact
    },

    /** Contacts, oldest first. @throws BAD_INPUT, BAD_CURSOR */
    async list(projectId: string, filter: AudienceFilter, page: PageArgs, query: Query = {}): Promise<ListPage<Contact>> {
      const { find, count } = await audience(projectId, filter)
      return readPage(cursors, page, {
        name: 'contacts',
        projectId,
        order: 'oldest-first',
        async read({ where: { id = {} }, orderBy, take, skip }) {
          const range = { after: id.gt ?? null, before: id.lt ?? null, ascending: orderBy.id === 'asc', limit: skip + take }
          const found = (await find(range)).slice(skip)
          return prisma.contact.findMany({ ...query, where: { projectId, id: { in: found } }, orderBy })
        },
        total: count,
      })
    },

    /**
     * Inserts or changes up to 1,000 contacts. A bad one fails alone; with `isWhole`, nothing is changed then. With
     * `isDryRun` nothing is changed at all: the result says what would be.
     * @throws BATCH_TOO_LARGE, BAD_INPUT; with `isWhole` also ADDRESS_INVALID and TOO_LARGE, with the index of the contact
     */
    async upsert(
      projectId: string,
      contacts: readonly UpsertInput[],
      { isWhole = false, isDryRun = false }: { readonly isWhole?: boolean; readonly isDryRun?: boolean } = {},
    ): Promise<UpsertResult> {
      checkList('contacts', contacts, 1000)
      const inputs = new Map<string, UpsertInput[]>()
      for (const input of contacts) inputs.set(input.externalId, [...(inputs.get(input.externalId) ?? []), input])
      const refuse = (input: UpsertInput | undefined, error: CarillonError): void => {
        if (!isWhole) return
        const index = input === undefined ? 0 : contacts.indexOf(input)
        throw new CarillonError(error.code, { ...error.details, message: error.message, index })
      }
      for (let attempt = 1; attempt <= RETRIES; attempt++) {
        try {
          return await upsertOnce(projectId, inputs, refuse, isDryRun)
        } catch (error) {
          // The whole transaction was rolled back, so nothing is applied twice to the other contacts of the batch.
          if (!(error instanceof Overtaken)) throw error
        }
      }
      throw new CarillonError('OVERLOADED', { message: 'Other calls keep inserting the same contacts: try again.' })
    },

    /** Records whether a contact is online; going offline sets when it last was. @throws CONTACT_NOT_FOUND */
    async setOnline({ projectId, contactId }: ContactKey, isOnline: boolean): Promise<void> {
      const now = clock.now()
      const { count } = await db.prisma.contact.updateMany({
        where: { projectId, id: contactId },
        data: { isOnline, ...(isOnline ? {} : { lastOnlineAt: now }) },
      })
      // The token may be of a contact that was deleted.
      if (count === 0) throw new CarillonError('CONTACT_NOT_FOUND')
    },

    /** The keys of a contact's feed. @throws CONTACT_NOT_FOUND */
    async keyOf(projectId: string, externalId: string): Promise<ContactKey> {
      const [contact] = externalId.includes('\0') ? [] : await findContacts(db.pool, [{ projectId, key: externalId }])
      if (contact === undefined) throw new CarillonError('CONTACT_NOT_FOUND')
      return { projectId, contactId: contact.id }
    },
  }
}
