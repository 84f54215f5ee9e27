/** Projects: their settings, their credentials, and the authentication of callers. */
import { timingSafeEqual } from 'node:crypto'
import { domainToASCII } from 'node:url'
import { rowsOf, rowsOfPrisma } from '../db/audit.ts'
import { fillContacts } from '../db/contact.ts'
import { type Database, transact } from '../db/database.ts'
import type { ApiKey, Project } from '../db/generated/client.ts'
import { findContacts } from '../db/lookup.ts'
import { findProjectById } from '../db/project.ts'
import { generationOf, revokeTokens } from '../db/standing.ts'
import { CarillonError, catalogue } from '../errors.ts'
import { createLru } from '../lru.ts'
import { credentialIn, isToken, wrongForm } from '../values/credential.ts'
import { checkLocale } from '../values/locale.ts'
import { checkTimezone } from '../values/time-zone.ts'
import { type Scope, scopes } from '../words.ts'
import type { Audit, By } from './audit.ts'
import type { Caller } from './caller.ts'
import { checkKey, checkList, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import { CACHE_MS, createKeys, type KeyMaker, type NewKey, unlimited } from './key.ts'
import { hashOf, newCredential } from './secrets.ts'
import type { Standing } from './standing.ts'
import type { IssuedToken, Tokens } from './token.ts'

/** What `createProjects` needs. */
export interface ProjectDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly tokens: Tokens
  readonly audit: Audit
  readonly standing: Standing
  readonly operatorKey: string | null
}

const CREDENTIAL_CHARS_MAX = 4096
const ACCESS_TOKEN_SECONDS = 3600
const CONTACT_TOKEN_MAX_SECONDS = 24 * 3600

/** An access token never has `keys`: what lasts an hour must not make a key that lasts. */
const TOKEN_SCOPES: ReadonlySet<Scope> = new Set(scopes.filter((scope) => scope !== 'keys'))

/** The input of `updateProject`: a field that is left out keeps its value, null sets the default. */
export interface UpdateProjectInput {
  readonly name?: string | null | undefined
  readonly locale?: string | null | undefined
  readonly timezone?: string | null | undefined
  readonly inboundDomain?: string | null | undefined
  readonly allowedOrigins?: readonly string[] | null | undefined
  readonly resendUnknown?: boolean | null | undefined
  readonly templateDrafts?: boolean | null | undefined
  readonly retentionDays?: number | null | undefined
  readonly auditRetentionDays?: number | null | undefined
}

function checkOrigin(origin: string): void {
  // A browser never sends an origin with an asterisk, so one that was meant as "any" would match none.
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
/** Longer than a feed's cursor is valid, and longer than the month that `monthlySent` counts: both need what is not pruned yet. */
const RETENTION_MIN_DAYS = 32
const RETENTION_MAX_DAYS = 3660

/** How long the audit log is kept, if the project does not say: a year, and the time to look at it. */
export const AUDIT_RETENTION_DAYS = 400
const AUDIT_RETENTION_MIN_DAYS = 30

function checkRetention(field: 'retentionDays' | 'auditRetentionDays', days: number, min: number): number {
  if (days >= min && days <= RETENTION_MAX_DAYS) return days
  const message = `${field} must be from ${min} to ${RETENTION_MAX_DAYS}.`
  throw new CarillonError('BAD_INPUT', { field, max: RETENTION_MAX_DAYS, got: days, message })
}

/** A new secret key, and what is still valid besides it. */
export interface Rotation {
  readonly accessKey: string
  readonly secretKey: string
  /** the API keys that are valid now: rotation replaces none of them */
  readonly validKeys: readonly ApiKey[]
  readonly revokedKeys: readonly ApiKey[]
  readonly tokensRevoked: boolean
}

/** What else a rotation ends. */
export interface RotateOptions {
  /** revokes all API keys but the caller's own */
  readonly revokeKeys?: boolean | null | undefined
  /** revokes all access tokens */
  readonly revokeTokens?: boolean | null | undefined
}

/** Creates the operations of projects and their credentials. */
export function createProjects(deps: ProjectDeps) {
  const { db, clock, ids, tokens, audit, standing, operatorKey } = deps
  const operatorHash = operatorKey === null ? null : hashOf(operatorKey)
  const keys = createKeys(deps)
  const byId = createLru<Project>({ max: 10_000, ttl: CACHE_MS })

  let clearings = 0
  /** Clears the caches, so that projects and keys are read again; other processes do so within a second. Call it after the commit. */
  const clearCaches = (): void => {
    clearings += 1
    keys.clearCache()
    byId.clear()
  }

  /** @throws PROJECT_SUSPENDED */
  function checkActive({ id, suspendedAt, deleteAt, suspendedReason }: Project): void {
    if (deleteAt !== null) throw new CarillonError('PROJECT_SUSPENDED', { message: 'The project is being deleted.' })
    if (suspendedAt !== null && suspendedReason !== null) {
      const message = `${catalogue.PROJECT_SUSPENDED.message} The reason: ${suspendedReason}`
      throw new CarillonError('PROJECT_SUSPENDED', { message })
    }
    // The list may be newer than the row, which is cached.
    if (suspendedAt !== null || standing.isInactive(id)) throw new CarillonError('PROJECT_SUSPENDED')
  }

  async function projectById(id: string): Promise<Project> {
    const known = byId.get(id)
    if (known !== undefined) return known
    // If the caches are cleared while this is read, it may be the old state, and is not cached.
    const turn = clearings
    const project = await findProjectById(db.pool, id)
    if (project === null)
      throw new CarillonError('UNAUTHENTICATED', { message: 'The project of the token does not exist any more.' })
    if (turn === clearings) byId.set(id, project)
    return project
  }

  async function byToken(token: string): Promise<Caller> {
    const { projectId, generation = 0, expiresAt, ...claims } = await tokens.read(token)
    const subject = claims.kind === 'access' ? projectId : claims.contactId
    if (standing.isRevoked(projectId, subject, generation)) {
      throw new CarillonError('UNAUTHENTICATED', { message: 'The token was revoked. Get a new one.' })
    }
    const project = await projectById(projectId)
    checkActive(project)
    if (claims.kind === 'contact') return { ...claims, project, expiresAt, generation }
    const who = { kind: 'token', generation } as const
    return { kind: 'project', project, keyId: null, scopes: TOKEN_SCOPES, who, expiresAt, maskPersonalData: false }
  }

  return {
    /**
     * Authenticates a caller. `authorization` is the value of the header: `Bearer X`, `ApiKey X`, or only a token.
     * @throws UNAUTHENTICATED for a credential that is not valid; PROJECT_SUSPENDED
     */
    async identify(authorization: string | null): Promise<Caller> {
      if (authorization === null || authorization.trim() === '') return { kind: 'none' }
      const credential = credentialIn(authorization)
      const hash = hashOf(credential)
      if (operatorHash !== null && timingSafeEqual(hash, operatorHash)) return { kind: 'operator' }
      if (credential.length > CREDENTIAL_CHARS_MAX) {
        throw new CarillonError('UNAUTHENTICATED', { message: 'The credential is longer than any of this server.' })
      }
      const wrong = wrongForm(authorization)
      if (wrong !== null) throw new CarillonError('UNAUTHENTICATED', { message: wrong })
      if (isToken(credential)) return byToken(credential)
      const key = await keys.bySecret(credential, hash)
      checkActive(key.project)
      return { kind: 'project', ...key, maskPersonalData: false }
    },

    checkActive,

    revoked: keys.revoked,

    /** Creates a project with its first keys. Both secrets are only in this result. @throws BAD_INPUT, also when the key is taken */
    async create(
      input: { key: string; name: string; locale?: string | null | undefined; timezone?: string | null | undefined },
      by: By,
    ) {
      const key = checkKey('key', input.key)
      const secretKey = newCredential('sk')
      const data = {
        id: ids(),
        key,
        name: checkText('name', input.name, 255),
        locale: checkLocale('locale', input.locale ?? 'en'),
        timezone: checkTimezone('timezone', input.timezone ?? 'UTC'),
        accessKey: newCredential('ak'),
        secretHash: new Uint8Array(hashOf(secretKey)),
        createdAt: clock.now(),
      }
      const { id, secret, insert } = keys.draft(data.id, { name: 'first' }, unlimited)
      const change = { projectId: data.id, operation: 'createProject', by } as const
      const { project, apiKey } = await db.prisma
        .$transaction(async (tx) => {
          const rows = rowsOfPrisma(tx)
          const made = await audit.changed(rows, change, 'PROJECT', [data.id], () => tx.project.create({ data }))
          return { project: made, apiKey: await audit.changed(rows, change, 'API_KEY', [id], () => insert(tx)) }
        })
        .catch((cause: unknown) => {
          if (!isTaken(cause)) throw cause
          throw new CarillonError('BAD_INPUT', { field: 'key', message: `There is a project "${key}" already.`, cause })
        })
      return { project, apiKey, secret, accessKey: project.accessKey, secretKey }
    },

    listKeys: keys.list,
    findKey: keys.find,

    addKey: (projectId: string, key: NewKey, maker: KeyMaker, by: By) =>
      keys.add({ projectId, operation: 'createApiKey', by }, key, maker),

    /** Changes the fields that are given; null sets the default. @throws BAD_INPUT */
    async update(projectId: string, input: UpdateProjectInput, by: By): Promise<Project> {
      const { name, locale, timezone, inboundDomain, allowedOrigins, resendUnknown, templateDrafts } = input
      const { retentionDays, auditRetentionDays } = input
      if ((allowedOrigins ?? []).length > 0) checkList('allowedOrigins', allowedOrigins ?? [], ORIGINS_MAX)
      for (const origin of allowedOrigins ?? []) checkOrigin(origin)
      const kept = retentionDays ?? RETENTION_DAYS
      const auditKept = auditRetentionDays ?? AUDIT_RETENTION_DAYS
      const data = {
        ...(typeof name === 'string' ? { name: checkText('name', name, 255) } : {}),
        ...(locale === undefined ? {} : { locale: checkLocale('locale', locale ?? 'en') }),
        ...(timezone === undefined ? {} : { timezone: checkTimezone('timezone', timezone ?? 'UTC') }),
        ...(inboundDomain === undefined ? {} : { inboundDomain: inboundDomain === null ? null : checkDomain(inboundDomain) }),
        ...(allowedOrigins === undefined ? {} : { allowedOrigins: [...(allowedOrigins ?? [])] }),
        ...(typeof resendUnknown === 'boolean' ? { resendUnknown } : {}),
        ...(typeof templateDrafts === 'boolean' ? { templateDrafts } : {}),
        ...(retentionDays === undefined ? {} : { retentionDays: checkRetention('retentionDays', kept, RETENTION_MIN_DAYS) }),
        ...(auditRetentionDays === undefined
          ? {}
          : { auditRetentionDays: checkRetention('auditRetentionDays', auditKept, AUDIT_RETENTION_MIN_DAYS) }),
      }
      const change = { projectId, operation: 'updateProject', by } as const
      const project = await audit.change(change, 'PROJECT', [projectId], (tx) =>
        tx.project.update({ where: { id: projectId }, data }),
      )
      clearCaches()
      return project
    },

    /**
     * Creates a new secret key for `authenticate`. The old one is refused from now on. API keys, and tokens that were issued for it, stay
     * valid unless `options` end them. The new secret is as good as every scope, permanently: so must be the caller's credential.
     * @throws FORBIDDEN for a caller who lacks a scope, or whose key expires
     */
    async rotate(projectId: string, caller: KeyMaker, options: RotateOptions, by: By): Promise<Rotation> {
      const missing = scopes.filter((scope) => !caller.scopes.has(scope)).map((scope) => scope.toUpperCase())
      if (missing.length > 0 || (caller.who.kind === 'key' && caller.expiresAt !== null)) {
        const why =
          missing.length > 0 ? `a credential with every scope: ${missing.join(', ')} is missing` : 'a key that does not expire'
        throw new CarillonError('FORBIDDEN', { message: `rotateSecretKey takes ${why}.` })
      }
      const secretKey = newCredential('sk')
      const change = { projectId, operation: 'rotateSecretKey', by } as const
      const { accessKey, revokedKeys } = await db.prisma.$transaction(async (tx) => {
        const revoked = options.revokeKeys === true ? await keys.revokeAllWithin(tx, change, caller) : []
        const project = await tx.project.update({
          where: { id: projectId },
          data: { secretHash: new Uint8Array(hashOf(secretKey)) },
        })
        const outcome = {
          kind: 'PROJECT',
          id: projectId,
          key: project.key,
          before: { accessKey: project.accessKey, secretKey: 'set' },
          after: {
            accessKey: project.accessKey,
            secretKey: 'changed',
            // Recorded before it is done, because it has to follow the commit.
            ...(options.revokeTokens === true ? { accessTokens: 'revoked' } : {}),
          },
        } as const
        await audit.record(rowsOfPrisma(tx), change, [outcome])
        return { accessKey: project.accessKey, revokedKeys: revoked }
      })
      // After the new secret: what is issued from now on has the next generation.
      if (options.revokeTokens === true) {
        await revokeTokens(db.pool, projectId, projectId)
        await standing.refresh()
      }
      clearCaches()
      const validKeys = await keys.valid(projectId)
      return { accessKey, secretKey, validKeys, revokedKeys, tokensRevoked: options.revokeTokens === true }
    },

    /** Revokes a key permanently; revoking it again changes nothing. @throws NOT_FOUND */
    async revokeKey(projectId: string, id: string, by: By): Promise<ApiKey> {
      const key = await keys.revoke({ projectId, operation: 'revokeApiKey', by }, id)
      clearCaches()
      return key
    },

    /** Exchanges a project's access key and secret key for a token of one hour. @throws UNAUTHENTICATED, PROJECT_SUSPENDED */
    async authenticate(accessKey: string, secretKey: string): Promise<IssuedToken> {
      const find = () => (accessKey.includes('\0') ? null : db.prisma.project.findUnique({ where: { accessKey } }))
      const found = await find()
      const generation = found === null ? 0 : await generationOf(db.pool, found.id, found.id)
      // Read after the generation: a secret that is still valid now is rotated later, and so are its tokens revoked later.
      const project = found === null ? null : await find()
      // Also compared if there is no such project, so that the answers differ less in time.
      const expected = project === null ? Buffer.alloc(32) : Buffer.from(project.secretHash)
      if (!timingSafeEqual(hashOf(secretKey), expected) || project === null) {
        throw new CarillonError('UNAUTHENTICATED', { message: 'The access key or the secret key is wrong.' })
      }
      checkActive(project)
      return tokens.issueAccess(project.id, ACCESS_TOKEN_SECONDS, generation)
    },

    /** Issues a token for a contact, which is created if it does not exist. @throws BAD_INPUT for more than 24 hours */
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
      const generation = known === undefined ? 0 : await generationOf(db.pool, projectId, contact.id)
      return tokens.issueContact(projectId, contact.id, externalId, ttlSeconds, generation)
    },

    /** Revokes all tokens of a contact that were issued before: here at once, in other processes within two seconds. */
    async revokeContactTokens(
      { projectId, contactId }: { readonly projectId: string; readonly contactId: string },
      by: By,
    ): Promise<void> {
      await transact(db.pool, async (tx) => {
        await revokeTokens(tx, projectId, contactId)
        const outcome = { kind: 'CONTACT', id: contactId, key: null, before: null, after: { tokens: 'revoked' } } as const
        await audit.record(rowsOf(tx), { projectId, operation: 'revokeContactTokens', by }, [outcome])
      })
      await standing.refresh()
    },

    /** Reads projects and keys again. For changes that are made elsewhere. */
    clearCaches,
  }
}

/** Whether an error of Prisma means that a unique value is taken. */
const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'P2002'
