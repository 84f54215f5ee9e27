/** What the operator of a server does with projects: lists, suspends, deletes and recovers them. */
import { rowsOfPrisma } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { ApiKey, Prisma, Project } from '../db/generated/client.ts'
import { CarillonError } from '../errors.ts'
import type { BudgetNumbers } from '../words.ts'
import type { Audit, By, Change } from './audit.ts'
import { checkText } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import { type Ids, isUuid } from './ids.ts'
import { createKeys, unlimited } from './key.ts'
import { type ListPage, type PageArgs, readPage } from './page.ts'
import type { Standing } from './standing.ts'

/** What `createProjectAdmin` needs. `clearCaches`: has projects and keys read again. */
export interface ProjectAdminDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly cursors: Cursors
  readonly standing: Standing
  readonly audit: Audit
  clearCaches(): void
}

/** Whether a project can be used. */
export const projectStatuses = ['ACTIVE', 'SUSPENDED', 'DELETING'] as const
export type ProjectStatus = (typeof projectStatuses)[number]

/** The status of a project. */
export const statusOf = ({ deleteAt, suspendedAt }: Pick<Project, 'deleteAt' | 'suspendedAt'>): ProjectStatus =>
  deleteAt !== null ? 'DELETING' : suspendedAt !== null ? 'SUSPENDED' : 'ACTIVE'

/** The list's place among cursors: it belongs to no project. */
const NO_PROJECT = '00000000-0000-0000-0000-000000000000'
const REASON_MAX = 500
const DELETE_AFTER_MAX_HOURS = 720
const HOUR_MS = 3_600_000

/** A recovered project, with its new key. */
export interface Recovered {
  readonly project: Project
  readonly apiKey: ApiKey
  readonly secret: string
  readonly revokedKeys: readonly ApiKey[]
}

/** The budgets that a project can have of its own; an address belongs to no project. */
type ProjectBudgets = Pick<BudgetNumbers, 'project' | 'contacts' | 'key' | 'contact'>

const BUDGET_MAX = 999_999_999

/** Only those that are given: the others are the server's. @throws BAD_INPUT */
function checkBudgets(limits: ProjectBudgets): Record<string, number> {
  const checked: Record<string, number> = {}
  for (const field of ['project', 'contacts', 'key', 'contact'] as const) {
    const got = limits[field]
    if (got === undefined || got === null) continue
    if (got < 1 || got > BUDGET_MAX) {
      throw new CarillonError('BAD_INPUT', { field, max: BUDGET_MAX, got, message: `${field} must be from 1 to ${BUDGET_MAX}.` })
    }
    checked[field] = got
  }
  return checked
}

/** Creates the operator's operations. A project is named by its id or its key. */
export function createProjectAdmin(deps: ProjectAdminDeps) {
  const { db, clock, cursors, standing, audit } = deps
  const keys = createKeys(deps)

  /** @throws NOT_FOUND */
  async function find(name: string): Promise<Project> {
    const byId = isUuid(name) ? await db.prisma.project.findUnique({ where: { id: name } }) : null
    const project = byId ?? (name.includes('\0') ? null : await db.prisma.project.findUnique({ where: { key: name } }))
    if (project === null) throw new CarillonError('NOT_FOUND', { message: 'There is no project with this id or key.' })
    return project
  }

  /**
   * Changes a project if it is still as `where` says, with `more` in the same transaction, and has that known here.
   * @throws `otherwise` if it is not
   */
  async function change<T>(
    to: Change,
    where: Prisma.ProjectWhereInput,
    data: Prisma.ProjectUpdateManyMutationInput,
    otherwise: string,
    more: (tx: Prisma.TransactionClient, project: Project) => Promise<T>,
  ): Promise<T> {
    const id = to.projectId
    const changed = await db.prisma.$transaction(async (tx) => {
      const project = await audit.changed(rowsOfPrisma(tx), to, 'PROJECT', [id], async () => {
        const { count } = await tx.project.updateMany({ where: { AND: [{ id }, where] }, data })
        if (count === 0) throw new CarillonError('PROJECT_SUSPENDED', { message: otherwise })
        return tx.project.findUniqueOrThrow({ where: { id } })
      })
      return more(tx, project)
    })
    await standing.refresh()
    deps.clearCaches()
    return changed
  }
  const itself = async (_tx: Prisma.TransactionClient, project: Project): Promise<Project> => project

  return {
    /** Projects whose key or name contains `search`, newest first. @throws BAD_INPUT, BAD_CURSOR */
    list(page: PageArgs, search: string | null): Promise<ListPage<Project>> {
      const wanted = search === null ? '' : checkText('search', search, 255).trim()
      // Prisma leaves the wildcards of LIKE as they are.
      const contains = { contains: wanted.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const }
      const where = wanted === '' ? {} : { OR: [{ key: contains }, { name: contains }] }
      return readPage(cursors, page, {
        name: 'projects',
        projectId: NO_PROJECT,
        order: 'newest-first',
        read: (range) => db.prisma.project.findMany({ ...range, where: { AND: [where, range.where] } }),
        total: () => db.prisma.project.count({ where }),
      })
    },

    /** The valid keys of projects: how many there are, and when one was last used. One statement for all. */
    async usage(projectIds: readonly string[]): Promise<Map<string, { keyCount: number; lastUsedAt: Date | null }>> {
      const rows = await db.prisma.apiKey.groupBy({
        by: ['projectId'],
        where: {
          projectId: { in: [...projectIds] },
          revokedAt: null,
          OR: [{ expiresAt: null }, { expiresAt: { gt: clock.now() } }],
        },
        _count: { _all: true },
        _max: { lastUsedAt: true },
      })
      return new Map(rows.map((row) => [row.projectId, { keyCount: row._count._all, lastUsedAt: row._max.lastUsedAt }]))
    },

    /** Sets the budgets of a project; those that are left out or null are the server's. @throws BAD_INPUT, NOT_FOUND */
    async setLimits(name: string, limits: ProjectBudgets, by: By): Promise<Project> {
      const data = { limits: checkBudgets(limits) }
      const to = { projectId: (await find(name)).id, operation: 'setProjectLimits', by } as const
      return change(to, {}, data, '', itself)
    },

    /** Suspends a project: nothing is accepted or sent until it is resumed, and nothing is lost. @throws NOT_FOUND, BAD_INPUT */
    async suspend(name: string, reason: string | null, by: By): Promise<Project> {
      const suspendedReason = reason === null ? null : checkText('reason', reason, REASON_MAX)
      const project = await find(name)
      const suspendedAt = project.suspendedAt ?? clock.now()
      const to = { projectId: project.id, operation: 'suspendProject', by } as const
      return change(to, { deleteAt: null }, { suspendedAt, suspendedReason }, 'The project is being deleted.', itself)
    },

    /** Resumes a suspended project: what waited is sent. @throws NOT_FOUND; PROJECT_SUSPENDED when it is being deleted */
    async resume(name: string, by: By): Promise<Project> {
      const to = { projectId: (await find(name)).id, operation: 'resumeProject', by } as const
      const message = 'The project is being deleted. Until that begins, recoverProject calls it off.'
      return change(to, { deleteAt: null }, { suspendedAt: null, suspendedReason: null }, message, itself)
    },

    /**
     * Deletes a project after some hours, in the background; until that begins, `recover` calls it off. All credentials are refused from now
     * on. `confirm`: the project's key.
     * @throws NOT_FOUND, BAD_INPUT
     */
    async remove(name: string, confirm: string, afterHours: number, by: By): Promise<Project> {
      if (afterHours < 0 || afterHours > DELETE_AFTER_MAX_HOURS) {
        const message = `afterHours must be from 0 to ${DELETE_AFTER_MAX_HOURS}.`
        throw new CarillonError('BAD_INPUT', { field: 'afterHours', max: DELETE_AFTER_MAX_HOURS, got: afterHours, message })
      }
      const project = await find(name)
      if (confirm !== project.key) {
        throw new CarillonError('BAD_INPUT', { field: 'confirm', message: "confirm must be the project's key." })
      }
      if (project.deletionBeganAt !== null) return project
      const deleteAt = new Date(clock.now().getTime() + afterHours * HOUR_MS)
      const { deletionBeganAt } = project
      const to = { projectId: project.id, operation: 'deleteProject', by } as const
      return change(to, { deletionBeganAt }, { deleteAt }, 'The project is being deleted.', itself)
    },

    /**
     * Gives a project a new API key with all scopes, for owners who have lost theirs, and calls off a deletion that has not begun.
     * @throws NOT_FOUND; PROJECT_SUSPENDED when its deletion has begun
     */
    async recover(name: string, revokeKeys: boolean, by: By): Promise<Recovered> {
      const project = await find(name)
      const to = { projectId: project.id, operation: 'recoverProject', by } as const
      const { id, secret, insert } = keys.draft(project.id, { name: 'recovered' }, unlimited)
      const message = 'The deletion of the project has begun.'
      return change(to, { deletionBeganAt: null }, { deleteAt: null }, message, async (tx, kept) => {
        const revokedKeys = revokeKeys ? await keys.revokeAllWithin(tx, to, unlimited) : []
        const apiKey = await audit.changed(rowsOfPrisma(tx), to, 'API_KEY', [id], () => insert(tx))
        return { project: kept, apiKey, secret, revokedKeys }
      })
    },
  }
}
