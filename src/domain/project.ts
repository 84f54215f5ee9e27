/** Projects, their keys, and who is asking. */
import { timingSafeEqual } from 'node:crypto'
import { domainToASCII } from 'node:url'
import { LRUCache } from 'lru-cache'
import { fillContacts } from '../db/contact.ts'
import type { Database } from '../db/database.ts'
import type { ApiKey, Project } from '../db/generated/client.ts'
import { findContacts } from '../db/lookup.ts'
import { CarillonError } from '../errors.ts'
import { checkKey, checkList, checkLocale, checkText, checkTimezone } from './check.ts'
import type { Clock } from './clock.ts'
import { type Ids, isUuid } from './ids.ts'
import { hashOf, newCredential } from './secrets.ts'
import type { IssuedToken, Tokens } from './token.ts'

/** Who a credential belongs to. */
export type Caller =
  | { readonly kind: 'none' }
  | { readonly kind: 'operator' }
  /** `keyId`: the API key, or null for an access token */
  | { readonly kind: 'project'; readonly project: Project; readonly keyId: string | null; readonly expiresAt: Date | null }
  | {
      readonly kind: 'contact'
      readonly project: Project
      readonly contactId: string
      readonly externalId: string
      readonly expiresAt: Date
    }

/** What projects work with. */
export interface ProjectDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly tokens: Tokens
  readonly operatorKey: string | null
}

const ACCESS_TOKEN_SECONDS = 3600
const CONTACT_TOKEN_MAX_SECONDS = 24 * 3600
/** A key that was revoked elsewhere is refused here after this long; one that was revoked here, at once. */
const CACHE_MS = 1000
const LAST_USED_MS = 60_000

/** What of a project can be changed. */
export interface UpdateProjectInput {
  readonly name?: string | null | undefined
  readonly locale?: string | null | undefined
  readonly timezone?: string | null | undefined
  readonly inboundDomain?: string | null | undefined
  readonly allowedOrigins?: readonly string[] | null | undefined
  readonly resendUnknown?: boolean | null | undefined
  readonly retentionDays?: number | null | undefined
}

function checkOrigin(origin: string): void {
  // A browser's origin has no asterisk: one that was meant as "any" would let nobody in.
  if (!URL.canParse(origin) || new URL(origin).origin !== origin || origin.includes('*')) {
    throw new CarillonError('BAD_INPUT', {
      field: 'allowedOrigins',
      message: `allowedOrigins: ${JSON.stringify(origin)} is not an origin such as "https://example.com".`,
    })
  }
}

function checkDomain(domain: string): string {
  const ascii = domainToASCII(domain)
  if (ascii === '' || !ascii.includes('.'))
    throw new CarillonError('BAD_INPUT', { field: 'inboundDomain', message: 'inboundDomain: is not a domain.' })
  return ascii
}

const ORIGINS_MAX = 1_000
const RETENTION_DAYS = 90
/** More than a feed's cursors live, and than the month of `monthlySent` has: neither may find that what it needs is gone. */
const RETENTION_MIN_DAYS = 32
const RETENTION_MAX_DAYS = 3660

function checkRetention(days: number): number {
  if (days >= RETENTION_MIN_DAYS && days <= RETENTION_MAX_DAYS) return days
  const message = `retentionDays must be from ${RETENTION_MIN_DAYS} to ${RETENTION_MAX_DAYS}.`
  throw new CarillonError('BAD_INPUT', { field: 'retentionDays', max: RETENTION_MAX_DAYS, got: days, message })
}

/** Makes the operations of projects and credentials. */
export function createProjects({ db, clock, ids, tokens, operatorKey }: ProjectDeps) {
  const byHash = new LRUCache<string, { project: Project; keyId: string }>({ max: 10_000, ttl: CACHE_MS })
  const byId = new LRUCache<string, Project>({ max: 10_000, ttl: CACHE_MS })
  const lastUsed = new LRUCache<string, true>({ max: 10_000, ttl: LAST_USED_MS })

  let forgotten = 0
  /** What is kept of projects and keys is read again: at once here, within a second elsewhere. Call it once the change is committed. */
  const forget = (): void => {
    forgotten += 1
    byHash.clear()
    byId.clear()
  }

  async function projectById(id: string): Promise<Project> {
    const known = byId.get(id)
    if (known !== undefined) return known
    // What was read before a change and comes after it is not kept.
    const turn = forgotten
    const project = await db.prisma.project.findUnique({ where: { id } })
    if (project === null) throw new CarillonError('UNAUTHENTICATED')
    if (turn === forgotten) byId.set(id, project)
    return project
  }

  async function byApiKey(secret: string): Promise<{ project: Project; keyId: string }> {
    const hash = hashOf(secret)
    const cacheKey = hash.toString('base64')
    const known = byHash.get(cacheKey)
    if (known !== undefined) return known
    const turn = forgotten
    const key = await db.prisma.apiKey.findUnique({ where: { hash: new Uint8Array(hash) }, include: { project: true } })
    if (key === null || key.revokedAt !== null) throw new CarillonError('UNAUTHENTICATED')
    const found = { project: key.project, keyId: key.id }
    if (turn === forgotten) byHash.set(cacheKey, found)
    if (!lastUsed.has(key.id)) {
      lastUsed.set(key.id, true)
      await db.prisma.apiKey.update({
        where: { projectId_id: { projectId: key.projectId, id: key.id } },
        data: { lastUsedAt: clock.now() },
      })
    }
    return found
  }

  async function addKey(projectId: string, name: string): Promise<{ apiKey: ApiKey; secret: string }> {
    const secret = newCredential('ck')
    const apiKey = await db.prisma.apiKey.create({
      data: {
        projectId,
        id: ids(),
        name: checkText('name', name, 255),
        prefix: secret.slice(0, 9),
        hash: new Uint8Array(hashOf(secret)),
        createdAt: clock.now(),
      },
    })
    return { apiKey, secret }
  }

  return {
    /**
     * Finds out who is asking. `authorization`: the header's value: `Bearer X`, `ApiKey X`, or a bare token.
     * @throws UNAUTHENTICATED for a credential that is not valid
     */
    async identify(authorization: string | null): Promise<Caller> {
      if (authorization === null || authorization.trim() === '') return { kind: 'none' }
      const credential = authorization.trim().replace(/^(bearer|apikey)\s+/i, '')
      if (operatorKey !== null && timingSafeEqual(hashOf(credential), hashOf(operatorKey))) return { kind: 'operator' }
      if (credential.length > 4096) throw new CarillonError('UNAUTHENTICATED')
      if (credential.startsWith('ck_')) return { kind: 'project', ...(await byApiKey(credential)), expiresAt: null }
      const claims = await tokens.read(credential)
      const project = await projectById(claims.projectId)
      if (claims.kind === 'access') return { kind: 'project', project, keyId: null, expiresAt: claims.expiresAt }
      return { kind: 'contact', project, contactId: claims.contactId, externalId: claims.externalId, expiresAt: claims.expiresAt }
    },

    /** Which of these API keys have been revoked. */
    async revoked(keyIds: readonly string[]): Promise<Set<string>> {
      const rows = await db.prisma.apiKey.findMany({
        where: { id: { in: [...keyIds] }, revokedAt: { not: null } },
        select: { id: true },
      })
      return new Set(rows.map((row) => row.id))
    },

    /** Makes a project with its first keys; both secrets are in the answer only. @throws BAD_INPUT when the key is taken */
    async create(input: { key: string; name: string; locale?: string | null | undefined; timezone?: string | null | undefined }) {
      const key = checkKey('key', input.key)
      const secretKey = newCredential('sk')
      const project = await db.prisma.project
        .create({
          data: {
            id: ids(),
            key,
            name: checkText('name', input.name, 255),
            locale: checkLocale('locale', input.locale ?? 'en'),
            timezone: checkTimezone('timezone', input.timezone ?? 'UTC'),
            accessKey: newCredential('ak'),
            secretHash: new Uint8Array(hashOf(secretKey)),
            createdAt: clock.now(),
          },
        })
        .catch((cause: unknown) => {
          if (!isTaken(cause)) throw cause
          throw new CarillonError('BAD_INPUT', { field: 'key', message: `There is a project "${key}" already.`, cause })
        })
      return { project, ...(await addKey(project.id, 'first')), accessKey: project.accessKey, secretKey }
    },

    addKey,

    /** Changes what is given; null gives back the default. @throws BAD_INPUT */
    async update(projectId: string, input: UpdateProjectInput): Promise<Project> {
      const { name, locale, timezone, inboundDomain, allowedOrigins, resendUnknown, retentionDays } = input
      if ((allowedOrigins ?? []).length > 0) checkList('allowedOrigins', allowedOrigins ?? [], ORIGINS_MAX)
      for (const origin of allowedOrigins ?? []) checkOrigin(origin)
      const project = await db.prisma.project.update({
        where: { id: projectId },
        data: {
          ...(typeof name === 'string' ? { name: checkText('name', name, 255) } : {}),
          ...(locale === undefined ? {} : { locale: checkLocale('locale', locale ?? 'en') }),
          ...(timezone === undefined ? {} : { timezone: checkTimezone('timezone', timezone ?? 'UTC') }),
          ...(inboundDomain === undefined ? {} : { inboundDomain: inboundDomain === null ? null : checkDomain(inboundDomain) }),
          ...(allowedOrigins === undefined ? {} : { allowedOrigins: [...(allowedOrigins ?? [])] }),
          ...(typeof resendUnknown === 'boolean' ? { resendUnknown } : {}),
          ...(retentionDays === undefined ? {} : { retentionDays: checkRetention(retentionDays ?? RETENTION_DAYS) }),
        },
      })
      forget()
      return project
    },

    /** Makes a new secret key for `authenticate`; the old one is refused from now on, tokens that it gave run out by themselves. */
    async rotate(projectId: string): Promise<{ accessKey: string; secretKey: string }> {
      const secretKey = newCredential('sk')
      const { accessKey } = await db.prisma.project.update({
        where: { id: projectId },
        data: { secretHash: new Uint8Array(hashOf(secretKey)) },
      })
      forget()
      return { accessKey, secretKey }
    },

    /** Revokes a key for good; revoking it again changes nothing. @throws NOT_FOUND */
    async revokeKey(projectId: string, id: string): Promise<ApiKey> {
      const where = { projectId_id: { projectId, id } }
      const key = isUuid(id) ? await db.prisma.apiKey.findUnique({ where }) : null
      if (key === null) throw new CarillonError('NOT_FOUND', { message: 'There is no such API key.' })
      if (key.revokedAt !== null) return key
      const revoked = await db.prisma.apiKey.update({ where, data: { revokedAt: clock.now() } })
      forget()
      return revoked
    },

    /** Exchanges a project's access key and secret key for a token of one hour. @throws UNAUTHENTICATED */
    async authenticate(accessKey: string, secretKey: string): Promise<IssuedToken> {
      const project = accessKey.includes('\0') ? null : await db.prisma.project.findUnique({ where: { accessKey } })
      // Compared also where there is no such project: both answers take the same time.
      const expected = project === null ? Buffer.alloc(32) : Buffer.from(project.secretHash)
      if (!timingSafeEqual(hashOf(secretKey), expected) || project === null) {
        throw new CarillonError('UNAUTHENTICATED', { message: 'The access key or the secret key is wrong.' })
      }
      return tokens.issueAccess(project.id, ACCESS_TOKEN_SECONDS)
    },

    /** Makes a token for one contact; an unknown contact is created. @throws BAD_INPUT for more than 24 hours */
    async contactToken(projectId: string, externalId: string, ttlSeconds: number): Promise<IssuedToken> {
      if (ttlSeconds < 1 || ttlSeconds > CONTACT_TOKEN_MAX_SECONDS) {
        throw new CarillonError('BAD_INPUT', {
          field: 'ttlSeconds',
          max: CONTACT_TOKEN_MAX_SECONDS,
          got: ttlSeconds,
          message: `ttlSeconds must be from 1 to ${CONTACT_TOKEN_MAX_SECONDS}.`,
        })
      }
      const key = checkKey('contact', externalId)
      const [known] = await findContacts(db.pool, [{ projectId, key }])
      const [contact = known] =
        known === undefined ? await fillContacts(db.pool, [{ projectId, id: ids(), externalId: key }]) : [known]
      if (contact === undefined) throw new CarillonError('CONTACT_NOT_FOUND')
      return tokens.issueContact(projectId, contact.id, externalId, ttlSeconds)
    },
  }
}

/** Prisma's way to say that a unique value is there already. */
const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'P2002'
