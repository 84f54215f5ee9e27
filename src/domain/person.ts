/**
 * People who sign in to the console: their sessions, and their roles in projects. A role comes from a claim of the identity provider, as it
 * was at the last sign-in, or is granted here. Of both, the higher one counts; personal data is masked if either says so.
 */
import { randomBytes } from 'node:crypto'
import { lockChanges, rowsOfPrisma } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { transact } from '../db/database.ts'
import { Prisma, type Project, type RoleGrant } from '../db/generated/client.ts'
import { countPeople, findPeople, findPerson, type PersonRow, takeGrants } from '../db/person.ts'
import { CarillonError } from '../errors.ts'
import { checkEmail, mailboxOf } from '../values/mailbox.ts'
import { type JsonObject, type Role, roleScopes, type Scope } from '../words.ts'
import type { Audit, By } from './audit.ts'
import type { Caller, Who } from './caller.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import { type Ids, isUuid } from './ids.ts'
import { type ListPage, type PageArgs, readPage } from './page.ts'
import {
  type ClaimRoles,
  claimedRole,
  claimsEvery,
  type HeldRole,
  isRole,
  joinRoles,
  type RoleSource,
  storedClaims,
} from './role-claim.ts'
import { hashOf } from './secrets.ts'

/** What `createPeople` needs. */
export interface PeopleDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly audit: Audit
  /** @throws PROJECT_SUSPENDED */
  checkActive(project: Project): void
}

/** Who signed in, as the identity provider says. */
export interface Identity {
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  readonly isEmailVerified: boolean
  readonly name: string | null
  readonly claimRoles: ClaimRoles
}

/** A session that was just begun. `token` is not stored. */
export interface NewSession {
  readonly token: string
  readonly expiresAt: Date
}

/** A project in which a person has a role. */
export interface PersonProject extends HeldRole {
  readonly key: string
  readonly name: string
}

/** A person who is signed in. */
export interface SignedIn {
  readonly id: string
  readonly email: string | null
  readonly name: string | null
  readonly projects: readonly PersonProject[]
}

/** A person with a role in a project, or one who has yet to sign in. */
export interface Member extends HeldRole {
  readonly id: string
  readonly hasSignedIn: boolean
  readonly email: string | null
  readonly isEmailVerified: boolean
  readonly name: string | null
  readonly sources: readonly RoleSource[]
  readonly grantedBy: string | null
  readonly grantedAt: string | null
  readonly lastSeenAt: string | null
}

/** The caller that a session stands for. */
export type PersonCaller = Extract<Caller, { kind: 'project' }> & { readonly sessionId: string }

/** A session lasts this long, however much it is used. */
export const SESSION_MS = 12 * 3_600_000
/** Sessions are kept this long after their end, so that the state of a sign-in can't be used again. */
const ENDED_MS = 24 * 3_600_000
const LAST_SEEN_MS = 60_000
const PROJECTS_MAX = 500
const GRANTS_MAX = 1_000
const TEXT_MAX = 255

/**
 * An e-mail address, as it is compared. ASCII letters alone are folded: other letters that fold to ASCII ones (the Kelvin sign to k) make
 * another address.
 */
const folded = (email: string): string => (mailboxOf(email) ?? email).replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** The scopes of a role. A masked one does not have `keys`: a key shows what is masked. */
const scopesOf = ({ role, maskPersonalData }: HeldRole): ReadonlySet<Scope> =>
  new Set(roleScopes[role].filter((scope) => !maskPersonalData || scope !== 'keys'))

const grantOf = (row: { readonly role: string; readonly maskPersonalData: boolean } | null | undefined): HeldRole | null =>
  row === null || row === undefined || !isRole(row.role) ? null : { role: row.role, maskPersonalData: row.maskPersonalData }

/** The role of a person in a project; null: none. */
function roleIn(projectKey: string, claims: unknown, grant: HeldRole | null): HeldRole | null {
  const claimed = claimedRole(storedClaims(claims), projectKey)
  if (claimed === null || grant === null) return claimed ?? grant
  return joinRoles(claimed, grant)
}

/** Who granted, in words. */
const nameOf = (who: Who): string =>
  who.kind === 'person' ? (who.email ?? who.name ?? who.id) : who.kind === 'key' ? `API key ${who.name}` : 'access token'

function memberOf(projectKey: string, row: PersonRow): Member | null {
  const claimed = claimedRole(storedClaims(row.claimRoles), projectKey)
  const grant = row.role === null ? null : grantOf({ role: row.role, maskPersonalData: row.maskPersonalData === true })
  const held = roleIn(projectKey, row.claimRoles, grant)
  if (held === null) return null
  const { id, hasSignedIn, email, isEmailVerified, name, grantedBy, grantedAt, lastSeenAt } = row
  const sources: RoleSource[] = [
    ...(claimed === null ? [] : (['CLAIM'] as const)),
    ...(grant === null ? [] : (['GRANT'] as const)),
  ]
  return { id, hasSignedIn, email, isEmailVerified, name, ...held, sources, grantedBy, grantedAt, lastSeenAt }
}

/** What the audit log shows of a grant. */
const shownGrant = (grant: Pick<RoleGrant, 'role' | 'maskPersonalData'> | null): JsonObject | null =>
  grant === null ? null : { role: grant.role, maskPersonalData: grant.maskPersonalData }

/** Creates the operations of people. */
export function createPeople({ db, clock, ids, cursors, audit, checkActive }: PeopleDeps) {
  const { prisma, pool } = db

  /** The session of a token, with its person; null: there is none, it has ended, or was ended. */
  async function sessionOf(token: string) {
    const session = await prisma.personSession.findUnique({
      where: { tokenHash: new Uint8Array(hashOf(token)) },
      include: { person: { include: { grants: true } } },
    })
    // The person may be removed between the two reads.
    if (session === null || session.person === null || session.revokedAt !== null || session.expiresAt <= clock.now()) return null
    return session
  }

  async function seen(person: { readonly id: string; readonly lastSeenAt: Date }): Promise<void> {
    const now = clock.now()
    if (now.getTime() - person.lastSeenAt.getTime() < LAST_SEEN_MS) return
    await prisma.person.updateMany({ where: { id: person.id }, data: { lastSeenAt: now } })
  }

  /** The person or the grant that waits, of this id. @throws NOT_FOUND */
  async function memberWith(project: Pick<Project, 'id' | 'key'>, id: string): Promise<Member> {
    const row = isUuid(id) ? await findPerson(pool, project, id) : null
    const member = row === null ? null : memberOf(project.key, row)
    if (member === null) throw new CarillonError('NOT_FOUND', { message: 'Nobody with this id has a role in this project.' })
    return member
  }

  /** Whom a grant is for: a person, or an e-mail address whose owner has yet to sign in. */
  async function granteeOf(
    project: Pick<Project, 'id' | 'key'>,
    person: string | null,
    email: string | null,
  ): Promise<{ readonly personId: string } | { readonly email: string }> {
    if ((person === null) === (email === null)) {
      throw new CarillonError('BAD_INPUT', { field: 'email', message: 'Name the person by either person or email.' })
    }
    if (person !== null) {
      const member = await memberWith(project, person)
      return member.hasSignedIn ? { personId: member.id } : { email: member.email ?? '' }
    }
    const address = folded(checkEmail('email', email ?? ''))
    const known = await prisma.person.findMany({
      where: { email: address, isEmailVerified: true },
      select: { id: true },
      take: 2,
    })
    if (known.length > 1) {
      throw new CarillonError('BAD_INPUT', {
        field: 'email',
        message: 'Several people have signed in with this address: name one of them by person.',
      })
    }
    const [one] = known
    return one === undefined ? { email: address } : { personId: one.id }
  }

  return {
    /**
     * Begins a session of a person who has just signed in at the identity provider.
     * @param state of the sign-in: each makes one session
     * @throws UNAUTHENTICATED when the state was used before
     */
    async signIn(identity: Identity, state: string): Promise<NewSession> {
      const now = clock.now()
      const token = randomBytes(32).toString('base64url')
      const expiresAt = new Date(now.getTime() + SESSION_MS)
      const { issuer, subject, isEmailVerified } = identity
      const text = (value: string | null): string | null => value?.replaceAll('\0', '').slice(0, TEXT_MAX) ?? null
      const email = identity.email === null || identity.email.length > TEXT_MAX ? null : text(folded(identity.email))
      const data = {
        email,
        isEmailVerified: isEmailVerified && email !== null,
        name: text(identity.name),
        claimRoles: identity.claimRoles as Prisma.InputJsonObject,
        lastSeenAt: now,
      }
      const person = await prisma.person.upsert({
        where: { issuer_subject: { issuer, subject } },
        create: { id: ids(), issuer, subject, createdAt: now, ...data },
        update: data,
      })
      const session = { id: ids(), personId: person.id, tokenHash: new Uint8Array(hashOf(token)), expiresAt, createdAt: now }
      await prisma.personSession
        .create({ data: { ...session, stateHash: new Uint8Array(hashOf(state)) } })
        .catch((cause: unknown) => {
          if (!(cause instanceof Prisma.PrismaClientKnownRequestError) || cause.code !== 'P2002') throw cause
          throw new CarillonError('UNAUTHENTICATED', { message: 'This sign-in was used already. Sign in again.', cause })
        })
      if (data.isEmailVerified && email !== null) await transact(pool, (tx) => takeGrants(tx, person.id, email))
      await prisma.personSession.deleteMany({ where: { expiresAt: { lt: new Date(now.getTime() - ENDED_MS) } } })
      return { token, expiresAt }
    },

    /**
     * The caller that a session stands for in a project.
     * @throws UNAUTHENTICATED when the session has ended; FORBIDDEN when the person has no role in the project, or there is no such project;
     *   PROJECT_SUSPENDED
     */
    async resume(token: string, projectKey: string): Promise<PersonCaller> {
      const session = await sessionOf(token)
      if (session === null) throw new CarillonError('UNAUTHENTICATED', { message: 'The session has ended. Sign in again.' })
      const { person } = session
      const project = projectKey.includes('\0') ? null : await prisma.project.findUnique({ where: { key: projectKey } })
      const grant = person.grants.find((one) => one.projectId === project?.id)
      const held = project === null ? null : roleIn(project.key, person.claimRoles, grantOf(grant))
      // The same answer whether the project exists or not.
      if (project === null || held === null)
        throw new CarillonError('FORBIDDEN', { message: 'You have no role in this project.' })
      checkActive(project)
      await seen(person)
      return {
        kind: 'project',
        project,
        keyId: null,
        scopes: scopesOf(held),
        who: { kind: 'person', id: person.id, email: person.email, name: person.name, role: held.role },
        expiresAt: session.expiresAt,
        maskPersonalData: held.maskPersonalData,
        sessionId: session.id,
      }
    },

    /** Who is signed in, and in which projects with which role; null: nobody. Of very many projects, the first 500 by key. */
    async signedIn(token: string): Promise<SignedIn | null> {
      const session = await sessionOf(token)
      return session === null ? null : this.projectsOf(session.personId)
    },

    /** A person, with the projects that it has a role in, by key; null: there is no such person. */
    async projectsOf(personId: string): Promise<SignedIn | null> {
      const person = await prisma.person.findUnique({ where: { id: personId }, include: { grants: true } })
      if (person === null) return null
      const claims = storedClaims(person.claimRoles)
      const granted = person.grants.map((grant) => grant.projectId)
      const where = claimsEvery(claims) ? {} : { OR: [{ id: { in: granted } }, { key: { in: Object.keys(claims) } }] }
      const projects = await prisma.project.findMany({ where, orderBy: { key: 'asc' }, take: PROJECTS_MAX })
      return {
        id: person.id,
        email: person.email,
        name: person.name,
        projects: projects.flatMap(({ id, key, name }) => {
          const held = roleIn(key, claims, grantOf(person.grants.find((grant) => grant.projectId === id)))
          return held === null ? [] : [{ key, name, ...held }]
        }),
      }
    },

    /** Ends a session; an ended one stays as it is. */
    async signOut(token: string): Promise<void> {
      const where = { tokenHash: new Uint8Array(hashOf(token)), revokedAt: null }
      await prisma.personSession.updateMany({ where, data: { revokedAt: clock.now() } })
    },

    /** Those of the callers whose session has ended, or whose role in the project is another one now. */
    async changed(callers: readonly PersonCaller[]): Promise<Set<PersonCaller>> {
      const sessions = await prisma.personSession.findMany({
        where: { id: { in: [...new Set(callers.map(({ sessionId }) => sessionId))] }, revokedAt: null },
        include: { person: { include: { grants: true } } },
      })
      const byId = new Map(sessions.map((session) => [session.id, session]))
      const isAsBefore = ({ sessionId, project, who, maskPersonalData }: PersonCaller): boolean => {
        const session = byId.get(sessionId)
        if (session === undefined || session.person === null || session.expiresAt <= clock.now() || who.kind !== 'person')
          return false
        const grant = session.person.grants.find(({ projectId }) => projectId === project.id)
        const held = roleIn(project.key, session.person.claimRoles, grantOf(grant))
        return held?.role === who.role && held.maskPersonalData === maskPersonalData
      }
      return new Set(callers.filter((caller) => !isAsBefore(caller)))
    },

    /** People with a role in the project, and grants that wait for a first sign-in, oldest first. @throws BAD_INPUT, BAD_CURSOR */
    list(project: Pick<Project, 'id' | 'key'>, page: PageArgs): Promise<ListPage<Member>> {
      return readPage<Member>(cursors, page, {
        name: 'people',
        projectId: project.id,
        order: 'oldest-first',
        async read({ where: { id = {} }, orderBy, take }) {
          const range = { gt: id.gt ?? null, lt: id.lt ?? null, isAscending: orderBy.id === 'asc', take }
          return (await findPeople(pool, project, range)).flatMap((row) => memberOf(project.key, row) ?? [])
        },
        total: () => countPeople(pool, project),
      })
    },

    /**
     * Grants a role, in place of one that was granted before. A person is named by id or by e-mail address; a grant to an address that
     * nobody has signed in with waits for the first sign-in with it, verified.
     * @throws BAD_INPUT, NOT_FOUND; FORBIDDEN for a role that reaches further than the caller's credential
     */
    async grant(
      { project, scopes, who }: Extract<Caller, { kind: 'project' }>,
      input: {
        readonly person: string | null
        readonly email: string | null
        readonly role: Role
        readonly maskPersonalData: boolean
      },
      by: By,
    ): Promise<Member> {
      const { role, maskPersonalData } = input
      if (roleScopes[role].some((scope) => !scopes.has(scope))) {
        const message = 'Your credential does not reach as far as this role: grant one whose scopes you have.'
        throw new CarillonError('FORBIDDEN', { message })
      }
      const grantee = await granteeOf(project, input.person, input.email)
      const where =
        'personId' in grantee
          ? { projectId_personId: { projectId: project.id, personId: grantee.personId } }
          : { projectId_email: { projectId: project.id, email: grantee.email } }
      const got = (await prisma.roleGrant.count({ where: { projectId: project.id } })) + 1
      if (got > GRANTS_MAX && (await prisma.roleGrant.findUnique({ where })) === null) {
        const message = `A project has at most ${GRANTS_MAX} granted roles. Revoke some, or give roles by a claim.`
        throw new CarillonError('BAD_INPUT', { field: 'email', max: GRANTS_MAX, got, message })
      }
      const data = { role, maskPersonalData, grantedBy: nameOf(who).slice(0, TEXT_MAX), createdAt: clock.now() }
      const change = { projectId: project.id, operation: 'grantRole', by } as const
      const row = await prisma.$transaction(async (tx) => {
        const rows = rowsOfPrisma(tx)
        await lockChanges(rows, project.id)
        const before = shownGrant(await tx.roleGrant.findUnique({ where }))
        const written = await tx.roleGrant.upsert({
          where,
          create: { projectId: project.id, id: ids(), ...grantee, ...data },
          update: data,
          include: { person: { select: { email: true } } },
        })
        const after = shownGrant(written)
        const { id, personId, email, person } = written
        const outcome = { kind: 'PERSON', id: personId ?? id, key: email ?? person?.email ?? null, before, after } as const
        if (JSON.stringify(before) !== JSON.stringify(after)) await audit.record(rows, change, [outcome])
        return written
      })
      return memberWith(project, row.personId ?? row.id)
    },

    /**
     * Takes a person's role away, also one that a claim gave at the last sign-in; a claim that still gives it does so again at the next one.
     * @returns what it was
     * @throws NOT_FOUND
     */
    async revoke(project: Pick<Project, 'id' | 'key'>, id: string, by: By): Promise<Member> {
      const member = await memberWith(project, id)
      const where = member.hasSignedIn ? { personId: id } : { id, personId: null }
      await prisma.$transaction(async (tx) => {
        const rows = rowsOfPrisma(tx)
        await lockChanges(rows, project.id)
        await tx.roleGrant.deleteMany({ where: { projectId: project.id, ...where } })
        if (member.hasSignedIn && member.sources.includes('CLAIM')) {
          await tx.$executeRaw`UPDATE person SET claim_roles = claim_roles || jsonb_build_object(${project.key}::text, NULL)
            WHERE id = ${id}::uuid`
        }
        const { role, maskPersonalData, email } = member
        const outcome = { kind: 'PERSON', id, key: email, before: { role, maskPersonalData }, after: null } as const
        await audit.record(rows, { projectId: project.id, operation: 'revokeRole', by }, [outcome])
      })
      return member
    },
  }
}
