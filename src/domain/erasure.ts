/**
 * Erasure: removes a person from a project, by contact or by bare address. It is done in short transactions, however much there is, in an order
 * in which each step finds only what is left; what it needs to know is in a row of its own (`erasure`), so that a worker continues it if this
 * process dies. The rows that counts are made from stay, without anything that names the person.
 */
import { rowsOf } from '../db/audit.ts'
import { type Database, type Runner, transact } from '../db/database.ts'
import {
  bareKey,
  type Erasable,
  endErasure,
  eraseEvents,
  eraseNotifications,
  eraseWindows,
  findBareAddresses,
  findErasable,
  findHolders,
  findReceived,
  findSentToBare,
  hashKeys,
  hashSuppressions,
  haveActedFanouts,
  haveKeys,
  lockActedFanouts,
  lockContactFields,
  lockContactRows,
  lockFeedsOf,
  lockKeys,
  readNames,
  removeContacts,
  type Selector,
  saveErasure,
  takeErasure,
} from '../db/erase.ts'
import { findActed, lockData, lockTexts, recomposeWithoutActor, type TextRow, writeData, writeTexts } from '../db/erase-actor.ts'
import {
  eraseNamed,
  findByKeys,
  hashSpentIds,
  lockFanouts,
  type NamedTable,
  namedTables,
  readNamesPage,
  renameTransaction,
  writeFanouts,
} from '../db/erase-names.ts'
import { findFeedMessagesOf, lockFeeds } from '../db/feed.ts'
import { write } from '../db/write.ts'
import { CarillonError } from '../errors.ts'
import { mailboxOf, spellingsOfEmail } from '../values/mailbox.ts'
import { isPhone, isSamePhone, spellPhone } from '../values/phone.ts'
import type { Action, Json, Signal } from '../words.ts'
import type { Audit, By, Outcome } from './audit.ts'
import { atIndex, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import { createEraser, eraseJson, eraseObject, patternsOf, spellingsOf } from './erased-text.ts'
import type { Ids } from './ids.ts'
import { feedUpdateOf, openLedger } from './ledger.ts'
import { suppressionKey } from './suppression.ts'

/** What was erased. */
export interface Erased {
  readonly contacts: number
  /** notifications to the person */
  readonly notifications: number
  /** messages of these */
  readonly messages: number
  /** messages to others from which the person was removed as the actor */
  readonly rewritten: number
  /** ids and transactions of which hashes are left */
  readonly ids: number
  /** suppressed addresses of which hashes are left */
  readonly suppressions: number
  /** externalIds of contacts that have one of the bare addresses, and are not erased */
  readonly keptContacts: readonly string[]
  /** false: a worker is still looking for the addresses in ids */
  readonly isComplete: boolean
}

type Counts = { -readonly [key in Exclude<keyof Erased, 'keptContacts' | 'isComplete'>]: Erased[key] }

/** What is to be erased, and how far it is: the row of an erasure. */
interface Work {
  /** contacts that are not deleted yet */
  contactIds: string[]
  /** first and last names, and externalIds, of the contacts */
  readonly names: readonly string[]
  readonly ids: readonly string[]
  /** the contacts' addresses, and in time those that messages to them went to */
  addresses: string[]
  /** bare addresses */
  readonly bare: readonly string[]
  /** transactions whose ids name the person */
  transactionIds: string[]
  /** what the search for the addresses in names has reached; null: it is over */
  at: { readonly table: NamedTable; readonly after: string } | null
  readonly counts: Counts
}

/** `publish` is called after each commit. */
export interface ErasureDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly audit: Audit
  publish(signals: readonly Signal[]): void
}

/** Notifications of one transaction. */
const PAGE = 500
/** Contacts of one transaction. */
const GROUP = 100
/** Notifications by the person: the feeds of their recipients are locked meanwhile. */
const ACTED = 200
/** Names that are read by one statement, and events that are deleted by one. */
const ROWS = 10_000
/** A process that runs an erasure renews its lease with every page. */
const LEASE_MS = 60_000
/** How long a call looks for addresses in ids; a worker does the rest. */
const SEARCH_MS = 5_000
const ENTRIES_MAX = 1_000

/** Creates the operations of erasure. */
export function createErasure({ db, clock, ids, audit, publish }: ErasureDeps) {
  const { pool } = db

  /** Erases a page of notifications to the person. Feeds are those of the contacts. */
  async function erasePage(run: Run, notificationIds: readonly string[], contactIds: readonly string[]): Promise<void> {
    await run.learn(pool, notificationIds)
    if (await haveKeys(pool, run.projectId, notificationIds)) {
      run.work.counts.ids += await transact(pool, (tx) => hashKeys(tx, run.projectId, notificationIds))
    }
    run.work.counts.messages += await transact(pool, async (tx) => {
      await lockFeedsOf(tx, run.projectId, contactIds)
      return eraseNotifications(tx, run.projectId, notificationIds)
    })
    run.work.counts.notifications += notificationIds.length
  }

  /** Removes the person as the actor from a page of notifications to others. @returns what to publish after the commit */
  async function eraseActed(
    tx: Runner,
    run: Run,
    actorIds: readonly string[],
    page: Awaited<ReturnType<typeof findActed>>,
  ): Promise<readonly Signal[]> {
    const { projectId } = run
    const erase = run.eraser()
    const contactIds = [...new Set(page.flatMap((one) => one.contactId ?? []))]
    const notificationIds = [...new Set(page.flatMap((one) => [one.id, ...(one.digestOwnId === null ? [] : [one.digestOwnId])]))]
    const states = await lockFeeds(
      tx,
      contactIds.map((contactId) => ({ projectId, contactId })),
    )
    const before = await lockTexts(tx, projectId, notificationIds)
    const after = before.map((row) => withoutActor(row, erase))
    const changed = after.filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]))
    const inFeed = after.filter((row) => row.isInFeed).map((row) => row.id)
    const listed = inFeed.length === 0 ? [] : await findFeedMessagesOf(tx, projectId, contactIds, inFeed)
    const data = (await lockData(tx, projectId, notificationIds)).map((row) => ({
      id: row.id,
      data: eraseObject(row.data, erase),
      overrides: row.overrides === null ? null : eraseObject(row.overrides, erase),
      incrementId: row.incrementId === null ? null : erase(row.incrementId),
    }))
    const dataOf = new Map(data.map((row) => [row.id, row.data]))
    const textOf = new Map(after.map((row) => [row.id, row]))
    if (changed.length > 0) await writeTexts(tx, projectId, changed)
    await recomposeWithoutActor(tx, projectId, notificationIds)
    await writeData(tx, projectId, actorIds, data)
    const ledger = openLedger(states)
    const updatedAt = clock.now().toISOString()
    for (const message of listed) {
      const text = textOf.get(message.id)
      if (text === undefined) continue
      const { title, url, iconUrl } = text
      const actions = (text.actions ?? []) as readonly Action[]
      // A digest's own notification may be by somebody else, who stays.
      const actor = page.some((one) => one.id === message.notificationId) ? null : message.actor
      const to = {
        title,
        body: text.body ?? '',
        url,
        iconUrl,
        actions,
        actor,
        data: dataOf.get(message.notificationId) ?? {},
        updatedAt,
      }
      ledger.change(message, { ...message, ...to }, 'UPDATED')
    }
    const updates = [...ledger.rewritten.values()].map((entry) => feedUpdateOf(entry))
    if (updates.length > 0) await write(tx, { updates, states: ledger.states() })
    run.work.counts.rewritten += new Set([...changed.map((one) => one.id), ...listed.map((one) => one.id)]).size
    return ledger.signals()
  }

  /** Removes the person as the actor from everything that others got. */
  async function eraseAllActed(run: Run, actorIds: readonly string[]): Promise<void> {
    for (;;) {
      const page = await findActed(pool, run.projectId, actorIds, ACTED)
      if (page.length === 0) return
      await transact(pool, (tx) => hashActedNames(tx, run, page))
      publish(await transact(pool, (tx) => eraseActed(tx, run, actorIds, page)))
      const notificationIds = page.map((one) => one.id)
      await transact(pool, (tx) => recomposeWithoutActor(tx, run.projectId, notificationIds))
      await run.save(pool)
      if (page.length < ACTED) return
    }
  }

  /** Removes the person as the actor from sends to many. Lock the ids first. */
  async function eraseActedFanouts(tx: Runner, run: Run, actorIds: readonly string[]): Promise<void> {
    const fanouts = await lockActedFanouts(tx, run.projectId, actorIds)
    if (fanouts.length === 0) return
    run.learnTransactions(fanouts.map((one) => one.transactionId))
    await run.save(tx)
    await eraseFanouts(
      tx,
      run,
      fanouts.map((one) => one.id),
      run.eraser(),
    )
  }

  /** Removes the person from what sends to many say. Lock the ids first. */
  async function eraseFanouts(
    tx: Runner,
    run: Run,
    fanoutIds: readonly string[],
    erase: (text: string) => string,
  ): Promise<void> {
    const rows = (await lockFanouts(tx, run.projectId, fanoutIds)).map((row) => ({
      id: row.id,
      key: row.key,
      data: eraseJson(row.data as Json, erase),
      overrides: row.overrides === null ? null : eraseJson(row.overrides as Json, erase),
      audience: eraseJson(row.audience as Json, erase),
      hashesKey: row.key !== null && erase(row.key) !== row.key,
    }))
    run.work.counts.ids += rows.filter((row) => row.hashesKey).length
    await writeFanouts(tx, run.projectId, rows)
  }

  /** The ids of notifications to others that name the person become hashes; so do their transactions, later. */
  async function hashActedNames(tx: Runner, run: Run, page: Awaited<ReturnType<typeof findActed>>): Promise<void> {
    const erase = run.eraser()
    run.learnTransactions(page.map((one) => one.transactionId))
    await run.save(tx)
    const naming = page.flatMap((one) => (one.key !== null && erase(one.key) !== one.key ? [one.id] : []))
    if (naming.length > 0) run.work.counts.ids += await hashKeys(tx, run.projectId, naming)
  }

  /** Erases what a group of contacts received and did, a page at a time, and then the contacts with what came meanwhile. */
  async function eraseGroup(run: Run, contactIds: readonly string[]): Promise<void> {
    const { projectId, work } = run
    await transact(pool, async (tx) => {
      await lockKeys(tx, projectId)
      await eraseActedFanouts(tx, run, contactIds)
    })
    await transact(pool, (tx) => eraseWindows(tx, projectId, contactIds))
    for (;;) {
      for (;;) {
        const page = await findReceived(pool, projectId, contactIds, PAGE)
        if (page.length > 0) await erasePage(run, page, contactIds)
        // What is written meanwhile is erased with the contacts: somebody may be sending to them all the time.
        if (page.length < PAGE) break
      }
      await eraseAllActed(run, contactIds)
      while ((await eraseEvents(pool, projectId, contactIds, ROWS)) === ROWS) await run.save(pool)
      const counts = { ...work.counts }
      const removed = await transact(pool, async (tx) => {
        // After a deadlock all of this is done again.
        Object.assign(work.counts, counts)
        return removeGroup(tx, run, contactIds)
      })
      if (removed === null) continue
      publish(removed.signals)
      if (removed.acted.length > 0) await transact(pool, (tx) => recomposeWithoutActor(tx, projectId, removed.acted))
      work.contactIds = work.contactIds.filter((one) => !contactIds.includes(one))
      await run.save(pool)
      return
    }
  }

  /** Deletes contacts with what was written for them since it was last looked. @returns null: there is more than that, and it has to be done again */
  async function removeGroup(
    tx: Runner,
    run: Run,
    contactIds: readonly string[],
  ): Promise<{ readonly signals: readonly Signal[]; readonly acted: readonly string[] } | null> {
    const { projectId, work } = run
    await lockKeys(tx, projectId)
    await eraseActedFanouts(tx, run, contactIds)
    await lockContactFields(tx, projectId, contactIds)
    await eraseWindows(tx, projectId, contactIds)
    // All feeds at once, in the order in which everybody locks them.
    const others = (await findActed(tx, projectId, contactIds, ACTED)).flatMap((one) => one.contactId ?? [])
    const feeds = new Set([...contactIds, ...others])
    await lockFeedsOf(tx, projectId, [...feeds])
    // From here on nothing can be written for them, or by them.
    await lockContactRows(tx, projectId, contactIds)
    // One that was accepted since is not locked: its chunk may be waiting for these feeds.
    if (await haveActedFanouts(tx, projectId, contactIds)) return null
    const received = await findReceived(tx, projectId, contactIds, PAGE)
    const acted = await findActed(tx, projectId, contactIds, ACTED)
    if (received.length === PAGE || acted.length === ACTED) return null
    if (acted.some((one) => one.contactId !== null && !feeds.has(one.contactId))) return null
    if (received.length > 0) {
      await run.learn(tx, received)
      work.counts.ids += await hashKeys(tx, projectId, received)
      work.counts.messages += await eraseNotifications(tx, projectId, received)
      work.counts.notifications += received.length
    }
    if (acted.length > 0) await hashActedNames(tx, run, acted)
    const signals = acted.length === 0 ? [] : await eraseActed(tx, run, contactIds, acted)
    await eraseEvents(tx, projectId, contactIds, ROWS)
    work.counts.contacts += await removeContacts(tx, projectId, contactIds)
    return { signals, acted: acted.map((one) => one.id) }
  }

  /** Erases what was sent to addresses without a contact. */
  async function eraseBare(run: Run): Promise<void> {
    const { projectId, work } = run
    const wanted = [...new Set([...work.bare, ...work.addresses])].filter((one) => isPhone(one) || mailboxOf(one) !== null)
    if (wanted.length === 0) return
    const keys = [...new Set(wanted.flatMap(spellingsOf).map(bareKey))]
    const found = (await findBareAddresses(pool, projectId, keys)).filter((one) =>
      wanted.some((other) => isSameAddress(one, other)),
    )
    if (found.length === 0) return
    for (;;) {
      const page = await findSentToBare(pool, projectId, found, PAGE)
      if (page.length > 0) await erasePage(run, page, [])
      if (page.length < PAGE) return
    }
  }

  /** The addresses that no contact has any more. */
  async function goneAddresses({ projectId, work }: Run): Promise<string[]> {
    const all = [...new Set([...work.addresses, ...work.bare])]
    const holders = await holdersOf(projectId, all)
    const held = holders.flatMap(({ email, phone }) => [email, phone]).filter((one) => one !== null)
    return all.filter((one) => !held.some((other) => isSameAddress(one, other)))
  }

  const holdersOf = (projectId: string, addresses: readonly string[]) => {
    const spelled = [...new Set(addresses.flatMap(spellingsOf))]
    const emails = spelled.filter((one) => one.includes('@')).map((one) => one.toLowerCase())
    const phones = spelled.filter(isPhone)
    const known = phones.map(spellPhone).flatMap((one) => [...one.international, ...one.national])
    const all = [...phones, ...phones.map((one) => `+${one.replace(/\D/g, '')}`), ...known]
    return findHolders(pool, projectId, emails, [...new Set(all)])
  }

  async function eraseSuppressions(run: Run, gone: readonly string[]): Promise<void> {
    if (gone.length === 0) return
    const keys = gone.flatMap(spellingsOf).flatMap((one) => [one, suppressionKey('EMAIL', one), suppressionKey('SMS', one)])
    const phones = gone.filter(isPhone)
    const isSame = (one: string): boolean => phones.some((other) => isSamePhone(one, other))
    run.work.counts.suppressions += await transact(pool, (tx) =>
      hashSuppressions(tx, run.projectId, [...new Set(keys)], [...new Set(phones.map(bareKey))], isSame),
    )
  }

  async function rename(run: Run, transactionId: string): Promise<void> {
    while (!(await transact(pool, (tx) => renameTransaction(tx, run.projectId, transactionId, PAGE)))) await run.save(pool)
    run.work.counts.ids++
  }

  /** Finds the addresses in the names that callers gave. @returns false: it was stopped before the end */
  async function eraseNames(run: Run, gone: readonly string[], isOver: () => boolean): Promise<boolean> {
    const { projectId, work } = run
    for (const transactionId of work.transactionIds) await rename(run, transactionId)
    work.transactionIds = []
    const patterns = patternsOf([...gone, ...work.ids.filter((one) => isPhone(one) || one.includes('@'))])
    const erase = createEraser({ addresses: gone, names: [], ids: [] })
    if (patterns.length === 0 || erase === null) return true
    for (let at = work.at; at !== null; ) {
      if (isOver()) return false
      const { table, after } = at
      const { found, last } = await readNamesPage(pool, projectId, table, patterns, after, ROWS)
      if (found.length > 0) await eraseFound(run, table, found, patterns, erase)
      const next = namedTables[namedTables.indexOf(table) + 1]
      at = last !== null ? { table, after: last } : next === undefined ? null : { table: next, after: '' }
      work.at = at
      await run.save(pool)
    }
    return true
  }

  async function eraseFound(
    run: Run,
    table: NamedTable,
    found: readonly string[],
    patterns: readonly string[],
    erase: (text: string) => string,
  ): Promise<void> {
    const { projectId, work } = run
    switch (table) {
      case 'notification': {
        const notificationIds = await findByKeys(pool, projectId, found)
        for (let from = 0; from < notificationIds.length; from += PAGE) {
          const page = notificationIds.slice(from, from + PAGE)
          work.counts.ids += await transact(pool, (tx) => hashKeys(tx, projectId, page))
        }
        return
      }
      case 'fanout':
        return transact(pool, async (tx) => {
          await lockKeys(tx, projectId)
          await eraseFanouts(tx, run, found, erase)
        })
      case 'spent_id':
        work.counts.ids += await transact(pool, (tx) => hashSpentIds(tx, projectId, found, patterns))
        return
      case 'transaction':
        for (const one of found) await rename(run, one)
        return
      case 'digest':
      case 'event':
      case 'delivery_report':
        await transact(pool, (tx) => eraseNamed(tx, projectId, table, found))
    }
  }

  /** An erasure that this process runs. */
  type Run = ReturnType<typeof runOf>
  function runOf(projectId: string, id: string, work: Work) {
    let known = -1
    let eraser: ((text: string) => string) | null = null
    const run = {
      projectId,
      work,
      /** Stores how far it is, and renews the lease. */
      save: (on: Runner, leaseMs = LEASE_MS) => saveErasure(on, projectId, id, work, leaseMs),
      /** What removes the person from a text. It is made again when there are more addresses. */
      eraser(): (text: string) => string {
        if (eraser === null || known !== work.addresses.length) {
          eraser = createEraser({ ...work, addresses: work.addresses }) ?? ((text) => text)
          known = work.addresses.length
        }
        return eraser
      },
      /** Notes the addresses that notifications went to, and the transactions that name the person, before they are erased. */
      async learn(on: Runner, notificationIds: readonly string[]): Promise<void> {
        const { addresses, transactionIds } = await readNames(on, projectId, notificationIds)
        work.addresses = [...new Set([...work.addresses, ...addresses.map((one) => one.address)])]
        run.learnTransactions(transactionIds)
        await run.save(on)
      },
      learnTransactions(transactionIds: readonly string[]): void {
        const erase = run.eraser()
        const naming = transactionIds.filter((one) => erase(one) !== one)
        work.transactionIds = [...new Set([...work.transactionIds, ...naming])]
      },
    }
    return run
  }

  /** Runs an erasure to its end, or until `isOver`, as far as a call need not wait for it. @returns whether it has ended */
  async function complete(projectId: string, id: string, work: Work, isOver: () => boolean): Promise<boolean> {
    const run = runOf(projectId, id, work)
    await run.save(pool)
    while (work.contactIds.length > 0) await eraseGroup(run, work.contactIds.slice(0, GROUP))
    await eraseBare(run)
    const gone = await goneAddresses(run)
    await eraseSuppressions(run, gone)
    if (!(await eraseNames(run, gone, isOver))) {
      // Due at once, for a worker.
      await run.save(pool, 0)
      return false
    }
    await endErasure(pool, projectId, id)
    return true
  }

  /** The contacts that match all that a selector has. */
  async function findMeant(projectId: string, selectors: readonly Selector[]): Promise<Erasable[]> {
    const found = await findErasable(pool, projectId, selectors)
    if (selectors.every(isSingle)) return found
    const matchers = selectors.map(matcherOf)
    return found.filter((contact) => matchers.some((isMeant) => isMeant(contact)))
  }

  return {
    /**
     * Erases all contacts that match an externalId, an e-mail address (without case) or a phone number (exactly as it was stored), all of them
     * where a selector has several, and what was sent to bare addresses. At least one of the lists must be given.
     * @throws BAD_INPUT, BATCH_TOO_LARGE
     */
    async erase(projectId: string, { selectors, addresses }: WhoToErase, by: By): Promise<Erased> {
      if (selectors === null && addresses === null)
        throw new CarillonError('BAD_INPUT', { field: 'contacts', message: 'contacts, addresses or both must be given.' })
      if (selectors !== null) checkList('contacts', selectors, ENTRIES_MAX)
      if (addresses !== null) checkList('addresses', addresses, ENTRIES_MAX)
      selectors?.forEach((selector, index) => {
        for (const text of [selector.externalId, selector.email, selector.phone]) {
          if (typeof text === 'string') atIndex(index, () => checkText('contacts', text, 1000))
        }
      })
      const bare = (addresses ?? []).map((address, index) => atIndex(index, () => checkAddress(address)))
      const found = selectors === null ? [] : await findMeant(projectId, selectors)
      const work = workOf(found, bare)
      let isComplete = true
      if (found.length > 0 || bare.length > 0) {
        const until = performance.now() + SEARCH_MS
        const id = ids()
        await transact(pool, async (tx) => {
          await saveErasure(tx, projectId, id, work, LEASE_MS)
          await audit.recordOnce(rowsOf(tx), { projectId, operation: 'deleteContacts', by }, outcomesOf(work))
        })
        isComplete = await complete(projectId, id, work, () => performance.now() > until)
      }
      const kept = bare.length === 0 ? [] : await holdersOf(projectId, bare)
      return { ...work.counts, keptContacts: [...new Set(kept.map((one) => one.externalId))], isComplete }
    },

    /** Continues erasures whose process died, or that it left to a worker. @returns how many ended */
    async resume(signal: AbortSignal): Promise<number> {
      for (let count = 0; ; count++) {
        const taken = signal.aborted ? null : await takeErasure(pool, LEASE_MS)
        if (taken === null) return count
        const isOver = (): boolean => signal.aborted
        if (!(await complete(taken.projectId, taken.id, taken.work as Work, isOver))) return count
      }
    },
  }
}

/** Whom to erase: at least one of the lists is given. */
export interface WhoToErase {
  readonly selectors: readonly Selector[] | null
  readonly addresses: readonly string[] | null
}

/** What the audit log keeps of an erasure: ids of rows, and how many addresses. What is erased must not stay there. */
const outcomesOf = ({ contactIds, bare }: Work): Outcome[] => [
  ...contactIds.map((id) => ({ kind: 'CONTACT', id, key: null, before: null, after: null }) as const),
  ...(bare.length === 0
    ? []
    : [{ kind: 'CONTACT', id: null, key: null, before: null, after: { addresses: bare.length } } as const]),
]

/** The operations of erasure. */
export type Erasure = ReturnType<typeof createErasure>

function workOf(contacts: readonly Erasable[], bare: readonly string[]): Work {
  const texts = (list: readonly (string | null)[]): string[] =>
    [...new Set(list.filter((one) => one !== null && one !== ''))] as string[]
  return {
    contactIds: contacts.map((one) => one.id),
    names: texts(contacts.flatMap((one) => [one.firstName, one.lastName])),
    ids: texts(contacts.map((one) => one.externalId)),
    addresses: texts(
      contacts.flatMap((one) => [one.email, one.phone, one.photoUrl, ...one.devices, ...addressIn(one.externalId)]),
    ),
    bare,
    transactionIds: [],
    at: { table: namedTables[0], after: '' },
    counts: { contacts: 0, notifications: 0, messages: 0, rewritten: 0, ids: 0, suppressions: 0 },
  }
}

/** An externalId that is an address is erased as an address. */
const addressIn = (externalId: string): string[] =>
  mailboxOf(externalId) !== null || /^\+\d{7,15}$/.test(externalId) ? [externalId] : []

const isSingle = ({ externalId, email, phone }: Selector): boolean =>
  [externalId, email, phone].filter((one) => one !== null && one !== undefined).length === 1

/** Whether contacts match all that a selector has. */
function matcherOf({ externalId, email, phone }: Selector): (contact: Erasable) => boolean {
  const emails = email ? spellingsOfEmail(email).map((one) => one.toLowerCase()) : null
  return (contact) =>
    (externalId ?? contact.externalId) === contact.externalId &&
    (phone ?? contact.phone) === contact.phone &&
    (emails === null || (contact.email !== null && emails.includes(contact.email.toLowerCase())))
}

/** Whether two texts are spellings of one address: e-mail without case, phone numbers with a calling code or without. */
function isSameAddress(one: string, other: string): boolean {
  const [a, b] = [mailboxOf(one), mailboxOf(other)]
  if (a !== null && b !== null) return a.toLowerCase() === b.toLowerCase()
  return one === other || isSamePhone(one, other)
}

function checkAddress(address: string): string {
  const text = checkText('addresses', address, 4096).trim()
  if (text === '') throw new CarillonError('BAD_INPUT', { field: 'addresses', message: 'addresses: is empty.' })
  return text
}

/** The texts of a message to somebody else, without the person. */
function withoutActor(row: TextRow, erase: (text: string) => string): TextRow {
  const clean = (text: string | null): string | null => (text === null ? null : erase(text))
  return {
    ...row,
    subject: clean(row.subject),
    text: clean(row.text),
    html: clean(row.html),
    title: clean(row.title),
    body: clean(row.body),
    url: clean(row.url),
    iconUrl: clean(row.iconUrl),
    actions: row.actions === null ? null : eraseJson(row.actions as Json, erase),
    incrementId: clean(row.incrementId),
    errorMessage: clean(row.errorMessage),
  }
}
