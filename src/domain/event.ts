/** Events: what contacts did, and what happened to the service. Segments can depend on them, and they can trigger campaigns. */
import { type Database, isForeignKeyViolation, transact } from '../db/database.ts'
import { type EventRow, storeEvents } from '../db/event.ts'
import { CarillonError } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import type { JsonObject } from '../words.ts'
import { atIndex, checkKey, checkList, checkObject } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'

/** The input of `trackEvents` for one event. */
export interface EventInput {
  readonly name: string
  readonly contact?: string | null | undefined
  readonly isGlobal?: boolean | null | undefined
  readonly params?: JsonObject | null | undefined
  readonly segmentationKeys?: readonly string[] | null | undefined
  readonly occurredAt?: Date | null | undefined
}

/** `wake` is called after the commit. */
export interface EventDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  wake(): void
}

/** At most this many events per call, and segmentation keys per event. */
const EVENTS_MAX = 1_000
const KEYS_MAX = 100
/** How far in the future an event may be, because clocks differ. */
const AHEAD_MS = 5 * 60_000
const RETRIES = 3

const refuse = (field: string, message: string): never => {
  throw new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })
}

function checkEvent(input: EventInput, now: Date): Omit<EventRow, 'id' | 'contactId'> {
  const contact = input.contact ?? null
  if (input.isGlobal === true && contact !== null) refuse('contact', 'a global event is not tied to a contact.')
  if (input.isGlobal !== true && contact === null) refuse('contact', 'must be given unless the event is global.')
  const keys = input.segmentationKeys ?? []
  if (keys.length > KEYS_MAX) {
    throw new CarillonError('BAD_INPUT', {
      field: 'segmentationKeys',
      max: KEYS_MAX,
      got: keys.length,
      message: `segmentationKeys: has ${keys.length} keys, at most ${KEYS_MAX} are allowed.`,
    })
  }
  const occurredAt = checkTime('occurredAt', input.occurredAt ?? now)
  if (occurredAt.getTime() > now.getTime() + AHEAD_MS) refuse('occurredAt', 'is in the future.')
  return {
    contact: contact === null ? null : checkKey('contact', contact),
    name: checkKey('name', input.name),
    params: checkObject('params', input.params ?? {}),
    keys: [...new Set(keys.map((key) => checkKey('segmentationKeys', key)))],
    occurredAt: occurredAt.toISOString(),
  }
}

/** Creates the operations of events. */
export function createEvents({ db, clock, ids, wake }: EventDeps) {
  return {
    /**
     * Stores up to 1,000 events: all of them, or none. A contact that does not exist is inserted.
     * @returns how many were stored
     * @throws BAD_INPUT with the index of the event, BATCH_TOO_LARGE
     */
    async track(projectId: string, inputs: readonly EventInput[]): Promise<number> {
      checkList('events', inputs, EVENTS_MAX)
      const now = clock.now()
      const checked = inputs.map((input, index) => atIndex(index, () => checkEvent(input, now)))
      for (let attempt = 1; ; attempt++) {
        const rows = checked.map((event) => ({ ...event, id: ids(), contactId: ids() }))
        try {
          const triggered = await transact(db.pool, (tx) => storeEvents(tx, projectId, rows))
          if (triggered > 0) wake()
          return rows.length
        } catch (error) {
          // A contact was erased between the read and the write. The next try inserts it again.
          if (!isForeignKeyViolation(error) || attempt >= RETRIES) throw error
        }
      }
    },
  }
}

/** The operations of events. */
export type Events = ReturnType<typeof createEvents>
