/**
 * The audit log: who changed what is configured. An entry is written by the transaction that makes the change, so that neither exists without
 * the other.
 */
import { createHash } from 'node:crypto'
import { type AuditRow, appendAudit, findAudited, lockChanges, type Rows, rowsOfPrisma } from '../db/audit.ts'
import { readStates, type StoredTarget } from '../db/audit-state.ts'
import type { Database } from '../db/database.ts'
import type { AuditEntry, Prisma } from '../db/generated/client.ts'
import { CarillonError } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import type { AuditActor, AuditTarget, JsonObject } from '../words.ts'
import { type BeforeAfter, fitShown } from './audit-shown.ts'
import type { Caller } from './caller.ts'
import { checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import { type Ids, isUuid } from './ids.ts'
import { type ListPage, type PageArgs, readPage } from './page.ts'
import { type Audited, isAudited } from './permission.ts'

/** Who makes a change, and from where. */
export interface By {
  readonly kind: AuditActor
  /** of the API key or the person */
  readonly id: string | null
  readonly name: string | null
  readonly email: string | null
  /** null: the server itself */
  readonly remoteAddress: string | null
}

/** The server itself, where nobody has called it. */
export const bySystem: By = { kind: 'SYSTEM', id: null, name: null, email: null, remoteAddress: null }

/** @throws FORBIDDEN for callers who can't change what is configured */
export function byOf(caller: Caller, remoteAddress: string): By {
  const nobody = { id: null, name: null, email: null, remoteAddress }
  if (caller.kind === 'operator') return { ...nobody, kind: 'OPERATOR' }
  if (caller.kind !== 'project') throw new CarillonError('FORBIDDEN')
  const { who } = caller
  switch (who.kind) {
    case 'key':
      return { ...nobody, kind: 'KEY', id: who.id, name: who.name }
    case 'token':
      return { ...nobody, kind: 'TOKEN' }
    case 'person':
      return { ...nobody, kind: 'PERSON', id: who.id, name: who.name, email: who.email }
  }
}

/** A call that changes something. */
export interface Change {
  readonly projectId: string
  readonly operation: Audited
  readonly by: By
}

/** What became of one object. */
export interface Outcome {
  readonly kind: AuditTarget
  readonly id: string | null
  readonly key: string | null
  readonly before: JsonObject | null
  readonly after: JsonObject | null
}

/** Turns the states of one object into what is shown of them. */
export type Show = (states: BeforeAfter) => BeforeAfter

/** Which entries: those that match every condition that is given. */
export interface AuditFilter {
  readonly actorKinds?: readonly AuditActor[] | null | undefined
  readonly actor?: string | null | undefined
  readonly operations?: readonly string[] | null | undefined
  readonly targetKinds?: readonly AuditTarget[] | null | undefined
  readonly target?: string | null | undefined
  readonly from?: Date | null | undefined
  readonly to?: Date | null | undefined
}

/** What `createAudit` needs. */
export interface AuditDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
}

/**
 * A key that a caller made up for something that is sent, as the log keeps it: hashed, because it may contain an address, which has to be gone
 * once its owner is erased. Ids that the server made stay as they are.
 */
export const hashedKey = (key: string): string => (isUuid(key) ? key : `sha256:${createHash('sha256').update(key).digest('hex')}`)

const parsed = (text: string | undefined): JsonObject | null => (text === undefined ? null : (JSON.parse(text) as JsonObject))

/** Creates the audit log. */
export function createAudit({ db, clock, ids, cursors }: AuditDeps) {
  /** Appends entries in the caller's transaction. */
  async function record(rows: Rows, { projectId, operation, by }: Change, outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return
    const at = clock.now()
    const entries = outcomes.map(
      ({ kind, id, key, before, after }): AuditRow => ({
        id: ids(),
        at,
        actorKind: by.kind,
        actorId: by.id,
        actorName: by.name,
        actorEmail: by.email,
        remoteAddress: by.remoteAddress,
        operation,
        targetKind: kind,
        targetId: id,
        targetKey: key,
        before: before === null ? null : fitShown(before),
        after: after === null ? null : fitShown(after),
      }),
    )
    await appendAudit(rows, projectId, entries)
  }

  /** `record`, of the objects that the operation has left no entry of: several calls may erase a contact at once. */
  async function recordOnce(rows: Rows, change: Change, outcomes: readonly Outcome[]): Promise<void> {
    await lockChanges(rows, change.projectId)
    const ids = outcomes.flatMap(({ id }) => id ?? [])
    const known = ids.length === 0 ? new Set() : await findAudited(rows, change.projectId, change.operation, ids)
    await record(
      rows,
      change,
      outcomes.filter(({ id }) => id === null || !known.has(id)),
    )
  }

  /**
   * Runs a change of stored objects in the caller's transaction, and records each object that is different afterwards. Call it first in the
   * transaction: it makes the audited changes of a project take turns.
   * @param names the objects that the change may touch: keys, or ids of projects, API keys and suppressions
   */
  async function changed<T>(
    rows: Rows,
    change: Change,
    kind: StoredTarget,
    names: readonly string[],
    work: () => Promise<T>,
    show: Show = (states) => states,
  ): Promise<T> {
    const { projectId } = change
    await lockChanges(rows, projectId)
    const before = await readStates(rows, kind, projectId, names)
    const result = await work()
    const after = await readStates(rows, kind, projectId, names)
    const outcomes = [...new Set(names)].flatMap((name): Outcome[] => {
      const [was, is] = [before.get(name), after.get(name)]
      const { id, key } = is ?? was ?? {}
      if (id === undefined || key === undefined || was?.text === is?.text) return []
      const [shownBefore, shownAfter] = show([parsed(was?.text), parsed(is?.text)])
      if (JSON.stringify(shownBefore) === JSON.stringify(shownAfter)) return []
      return [{ kind, id, key, before: shownBefore, after: shownAfter }]
    })
    await record(rows, change, outcomes)
    return result
  }

  return {
    record,
    recordOnce,
    changed,

    /** `changed`, in a transaction of Prisma's. */
    change: <T>(
      change: Change,
      kind: StoredTarget,
      names: readonly string[],
      work: (tx: Prisma.TransactionClient) => Promise<T>,
      show?: Show,
    ): Promise<T> => db.prisma.$transaction((tx) => changed(rowsOfPrisma(tx), change, kind, names, () => work(tx), show)),

    /** Entries, newest first. @throws BAD_INPUT, BAD_CURSOR */
    async list(projectId: string, filter: AuditFilter, page: PageArgs): Promise<ListPage<AuditEntry>> {
      const condition = whereOf(filter)
      return readPage(cursors, page, {
        name: 'audit',
        projectId,
        order: 'newest-first',
        read: ({ where, ...order }) => db.prisma.auditEntry.findMany({ where: { projectId, ...condition, ...where }, ...order }),
        total: () => db.prisma.auditEntry.count({ where: { projectId, ...condition } }),
      })
    },
  }
}

/** The audit log. */
export type Audit = ReturnType<typeof createAudit>

/** @throws BAD_INPUT for an operation that is not audited: no entry could ever match */
function whereOf({ actorKinds, actor, operations, targetKinds, target, from, to }: AuditFilter): Prisma.AuditEntryWhereInput {
  for (const [index, operation] of (operations ?? []).entries()) {
    if (isAudited(operation)) continue
    const message = `operations: ${JSON.stringify(operation)} is not an operation that is audited.`
    throw new CarillonError('BAD_INPUT', { field: 'operations', index, message })
  }
  if (typeof actor === 'string') checkText('actor', actor, 255)
  if (typeof target === 'string') checkText('target', target, 255)
  const names = typeof target === 'string' ? [target, hashedKey(target)] : []
  return {
    ...(actorKinds ? { actorKind: { in: [...actorKinds] } } : {}),
    ...(operations ? { operation: { in: [...operations] } } : {}),
    ...(targetKinds ? { targetKind: { in: [...targetKinds] } } : {}),
    AND: [
      ...(typeof actor === 'string' ? [{ OR: [{ actorId: actor }, { actorName: actor }, { actorEmail: actor }] }] : []),
      ...(names.length > 0 ? [{ OR: [{ targetKey: { in: names } }, { targetId: { in: names } }] }] : []),
    ],
    ...(from || to
      ? { at: { ...(from ? { gte: checkTime('from', from) } : {}), ...(to ? { lt: checkTime('to', to) } : {}) } }
      : {}),
  }
}
