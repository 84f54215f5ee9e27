/** API keys: what they are good for and until when, and how requests find them. */

import { rowsOfPrisma } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { ApiKey, Prisma, Project } from '../db/generated/client.ts'
import { findApiKey, findUnrevoked, noteKeyUse } from '../db/project.ts'
import { CarillonError } from '../errors.ts'
import { createLru } from '../lru.ts'
import { checkTime } from '../values/date-time.ts'
import { type Scope, scopes } from '../words.ts'
import type { Audit, Change } from './audit.ts'
import type { Caller, Who } from './caller.ts'
import { checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import { type Ids, isUuid } from './ids.ts'
import type { Loading } from './page.ts'
import { hashOf, isCredential, newCredential } from './secrets.ts'

/** What `createKeys` needs. */
export interface KeyDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly audit: Audit
}

/** An API key, as its requests need it. */
export interface KnownKey {
  readonly project: Project
  readonly keyId: string
  readonly scopes: ReadonlySet<Scope>
  readonly who: Who
  readonly expiresAt: Date | null
}

/** A new key. */
export interface NewKey {
  readonly name: string
  /** null or left out: all that its maker has */
  readonly scopes?: readonly string[] | null | undefined
  /** null or left out: as long as its maker */
  readonly expiresAt?: Date | null | undefined
}

/** What a maker of keys may give away. */
export type KeyMaker = Pick<Extract<Caller, { kind: 'project' }>, 'scopes' | 'who' | 'expiresAt'>

/** Who makes the first key of a project: it may give away everything. */
export const unlimited: KeyMaker = { scopes: new Set(scopes), who: { kind: 'token' }, expiresAt: null }

/** How long keys and projects are cached. A key that another process revoked is refused after this time; one revoked here, at once. */
export const CACHE_MS = 1000
const LAST_USED_MS = 60_000
const UNKNOWN_KEY = 'The API key is not known here: it is of another server, or its project was deleted.'

const isScope = (name: string): name is Scope => scopes.some((scope) => scope === name)

function checkScopes(names: readonly string[]): Scope[] {
  checkList('scopes', names, scopes.length)
  const known = names.filter(isScope)
  if (known.length < names.length) {
    const list = scopes.map((scope) => scope.toUpperCase()).join(', ')
    throw new CarillonError('BAD_INPUT', { field: 'scopes', message: `scopes must be one or more of ${list}.` })
  }
  return scopes.filter((scope) => known.includes(scope))
}

/** The time until which the credential of a maker lasts; null: permanently. What a person is signed in for says nothing about a key. */
const lastsUntil = ({ who, expiresAt }: KeyMaker): Date | null => (who.kind === 'person' ? null : expiresAt)

/** Creates the operations of API keys. */
export function createKeys({ db, clock, ids, audit }: KeyDeps) {
  const byHash = createLru<KnownKey>({ max: 10_000, ttl: CACHE_MS })
  const lastUsed = createLru<true>({ max: 10_000, ttl: LAST_USED_MS })
  let clearings = 0

  /** @throws UNAUTHENTICATED */
  function alive(key: KnownKey): KnownKey {
    if (key.expiresAt === null || key.expiresAt > clock.now()) return key
    throw new CarillonError('UNAUTHENTICATED', { message: 'The API key has expired. Create a new one.' })
  }

  const validAt = (now: Date) => ({ revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] })

  /**
   * A new key, and how to insert it. It can do no more than its maker, and lasts no longer.
   * @throws BAD_INPUT; FORBIDDEN for scopes that the maker does not have, and for a time after the maker's own
   */
  function draft(projectId: string, { name, ...input }: NewKey, maker: KeyMaker) {
    const wanted = checkScopes(input.scopes ?? [...maker.scopes])
    const missing = wanted.filter((scope) => !maker.scopes.has(scope)).map((scope) => scope.toUpperCase())
    if (missing.length > 0) {
      const message = `A key can't be given a scope that its creator does not have: ${missing.join(', ')}.`
      throw new CarillonError('FORBIDDEN', { field: 'scopes', message })
    }
    const end = lastsUntil(maker)
    const given = input.expiresAt ?? null
    const expiresAt = given === null ? end : checkTime('expiresAt', given)
    if (expiresAt !== null && expiresAt <= clock.now()) {
      throw new CarillonError('BAD_INPUT', { field: 'expiresAt', message: 'expiresAt must be in the future.' })
    }
    if (expiresAt !== null && end !== null && expiresAt > end) {
      const message = `A key can't be given more time than its creator has, which is until ${end.toISOString()}.`
      throw new CarillonError('FORBIDDEN', { field: 'expiresAt', message })
    }
    const secret = newCredential('ck')
    const data = {
      projectId,
      id: ids(),
      name: checkText('name', name, 255),
      prefix: secret.slice(0, 9),
      hash: new Uint8Array(hashOf(secret)),
      scopes: wanted,
      expiresAt,
      createdAt: clock.now(),
    }
    return { id: data.id, secret, insert: (tx: Prisma.TransactionClient): Promise<ApiKey> => tx.apiKey.create({ data }) }
  }

  return {
    draft,

    /** Keys are read again; other processes do so within a second. Call it after the commit. */
    clearCache(): void {
      clearings += 1
      byHash.clear()
    },

    /** The key of a secret, whose hash is `hashOf` it. @throws UNAUTHENTICATED when there is none, it was revoked, or it has expired */
    async bySecret(secret: string, hash: Buffer): Promise<KnownKey> {
      // One that was never issued in this form is not looked up.
      if (!isCredential(secret)) throw new CarillonError('UNAUTHENTICATED', { message: UNKNOWN_KEY })
      const cacheKey = hash.toString('base64')
      const known = byHash.get(cacheKey)
      if (known !== undefined) return alive(known)
      // If the cache is cleared while this is read, it may be the old state, and is not cached.
      const turn = clearings
      // The caller who sends a whole key has it, and may know what became of it.
      const stored = await findApiKey(db.pool, hash)
      if (stored === null) throw new CarillonError('UNAUTHENTICATED', { message: UNKNOWN_KEY })
      const { key, project } = stored
      if (key.revokedAt !== null) {
        throw new CarillonError('UNAUTHENTICATED', { message: 'The API key was revoked. Create a new one.' })
      }
      const found: KnownKey = {
        project,
        keyId: key.id,
        scopes: new Set(key.scopes.filter(isScope)),
        who: { kind: 'key', id: key.id, name: key.name },
        expiresAt: key.expiresAt,
      }
      if (turn === clearings) byHash.set(cacheKey, found)
      alive(found)
      if (!lastUsed.has(key.id)) {
        lastUsed.set(key.id, true)
        // No request fails for want of this: the next one tries again.
        await noteKeyUse(db.pool, project.id, key.id, clock.now()).catch(() => lastUsed.delete(key.id))
      }
      return found
    },

    /** Ids of those of the given API keys that are revoked, or gone with their project. */
    async revoked(keyIds: readonly string[]): Promise<Set<string>> {
      const valid = new Set(await findUnrevoked(db.pool, keyIds))
      return new Set(keyIds.filter((id) => !valid.has(id)))
    },

    /** All API keys of a project, revoked ones too, newest first. */
    list: (projectId: string, query: Loading<Prisma.ApiKeyDefaultArgs> = {}): Promise<ApiKey[]> =>
      db.prisma.apiKey.findMany({ ...query, where: { projectId }, orderBy: { id: 'desc' } }),

    /** The key of a caller, if it has one. */
    find: (projectId: string, id: string): Promise<ApiKey | null> =>
      db.prisma.apiKey.findUnique({ where: { projectId_id: { projectId, id } } }),

    /** The keys of a project that are neither revoked nor expired, newest first. */
    valid: (projectId: string): Promise<ApiKey[]> =>
      db.prisma.apiKey.findMany({
        where: { projectId, ...validAt(clock.now()) },
        orderBy: { id: 'desc' },
      }),

    /** Creates a key. @throws as `draft` */
    async add(change: Change, key: NewKey, maker: KeyMaker): Promise<{ apiKey: ApiKey; secret: string }> {
      const { id, secret, insert } = draft(change.projectId, key, maker)
      return { apiKey: await audit.change(change, 'API_KEY', [id], insert), secret }
    },

    /** Revokes a key permanently; revoking it again changes nothing. @throws NOT_FOUND */
    async revoke(change: Change, id: string): Promise<ApiKey> {
      const missing = new CarillonError('NOT_FOUND', { message: 'There is no such API key.' })
      if (!isUuid(id)) throw missing
      const where = { projectId_id: { projectId: change.projectId, id } }
      return audit.change(change, 'API_KEY', [id], async (tx) => {
        const key = await tx.apiKey.findUnique({ where })
        if (key === null) throw missing
        return key.revokedAt === null ? tx.apiKey.update({ where, data: { revokedAt: clock.now() } }) : key
      })
    },

    /** Revokes the valid keys of a project but the caller's own, in the caller's transaction. @returns them, newest first */
    async revokeAllWithin(tx: Prisma.TransactionClient, change: Change, { who }: Pick<KeyMaker, 'who'>): Promise<ApiKey[]> {
      const { projectId } = change
      const now = clock.now()
      const own = who.kind === 'key' ? { not: who.id } : {}
      const found = await tx.apiKey.findMany({ where: { projectId, id: own, ...validAt(now) }, select: { id: true } })
      const names = found.map((one) => one.id)
      return audit.changed(rowsOfPrisma(tx), change, 'API_KEY', names, async () => {
        await tx.apiKey.updateMany({ where: { projectId, id: { in: names }, revokedAt: null }, data: { revokedAt: now } })
        return tx.apiKey.findMany({ where: { projectId, id: { in: names } }, orderBy: { id: 'desc' } })
      })
    },
  }
}

/** The operations of API keys. */
export type Keys = ReturnType<typeof createKeys>
