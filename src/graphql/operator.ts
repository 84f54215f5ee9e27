/** The projects of a server, as its operator sees them. */
import { projectStatuses, statusOf } from '../carillon.ts'
import type { ApiKey as ApiKeyRow, Project } from '../db/generated/client.ts'
import type { ListPage } from '../domain/page.ts'
import type { ProjectStatus } from '../domain/project-admin.ts'
import { byOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { createConnections } from './connection.ts'
import type { Context } from './context.ts'
import { valuesOf } from './enums.ts'
import type { KeyTypes } from './key.ts'

const statusTexts = {
  ACTIVE: 'It can be used.',
  SUSPENDED: 'Its credentials are refused (PROJECT_SUSPENDED), and nothing is sent. What was accepted waits.',
  DELETING: 'Its credentials are refused (PROJECT_SUSPENDED), and it is being deleted, or will be.',
} satisfies Record<ProjectStatus, string>

/** A project, with what its page loads for all of its rows together. */
interface Listed {
  readonly project: Project
  readonly usage: () => Promise<{ readonly keyCount: number; readonly lastUsedAt: Date | null }>
}

/** Defines the operator's types and operations. */
export function defineOperator(builder: Builder, { ApiKey }: KeyTypes, connections: ReturnType<typeof createConnections>) {
  const Status = builder.enumType('ProjectStatus', {
    description: 'Whether a project can be used.',
    values: valuesOf(projectStatuses, statusTexts),
  })
  const Deletion = builder.objectRef<Project>('ProjectDeletion').implement({
    description: 'How far the deletion of a project is.',
    fields: (t) => ({
      beginsAt: t.field({
        type: 'DateTime',
        description: 'When it may begin. Until it has begun, `recoverProject` calls it off.',
        resolve: ({ deleteAt, createdAt }) => deleteAt ?? createdAt,
      }),
      beganAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it began; null: not yet.',
        resolve: ({ deletionBeganAt }) => deletionBeganAt,
      }),
      tableCount: t.int({
        description: 'Tables that hold nothing of it any more.',
        resolve: ({ deletedTables }) => deletedTables,
      }),
      rowCount: t.float({ description: 'Rows that were deleted so far.', resolve: ({ deletedRows }) => Number(deletedRows) }),
    }),
  })
  const OperatorProject = builder.objectRef<Listed>('OperatorProject').implement({
    description: 'A project, as the operator of the server sees it: nothing of what it contains.',
    fields: (t) => ({
      id: t.id({ description: 'Id on this server.', resolve: ({ project }) => project.id }),
      key: t.id({ description: 'Short name, unique on this server.', resolve: ({ project }) => project.key }),
      name: t.string({ description: 'Display name.', resolve: ({ project }) => project.name }),
      status: t.field({ type: Status, description: 'Whether it can be used.', resolve: ({ project }) => statusOf(project) }),
      createdAt: t.field({ type: 'DateTime', description: 'When it was created.', resolve: ({ project }) => project.createdAt }),
      suspendedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'Since when it is suspended; null: it is not.',
        resolve: ({ project }) => project.suspendedAt,
      }),
      suspendedReason: t.string({
        nullable: true,
        description: 'Why it is suspended. Its callers are told.',
        resolve: ({ project }) => project.suspendedReason,
      }),
      deletion: t.field({
        type: Deletion,
        nullable: true,
        description: 'How far its deletion is; null: it is not being deleted.',
        resolve: ({ project }) => (project.deleteAt === null ? null : project),
      }),
      apiKeyCount: t.int({
        description: 'How many valid API keys it has.',
        resolve: async ({ usage }) => (await usage()).keyCount,
      }),
      lastUsedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When one of its valid API keys was last used, to the minute; null: never.',
        resolve: async ({ usage }) => (await usage()).lastUsedAt,
      }),
    }),
  })
  type Usage = Awaited<ReturnType<import('../carillon.ts').Carillon['projectAdmin']['usage']>>
  /** Asks for the usage of all of them together, when it is selected. */
  const listed = (projects: readonly Project[], find: (ids: readonly string[]) => Promise<Usage>): Listed[] => {
    let found: Promise<Usage> | null = null
    return projects.map((project) => ({
      project,
      async usage() {
        found ??= find(projects.map((one) => one.id))
        return (await found).get(project.id) ?? { keyCount: 0, lastUsedAt: null }
      },
    }))
  }
  const OperatorProjectConnection = connections.of<Listed, ListPage<Listed>>('OperatorProject', OperatorProject)

  const RecoverPayload = builder
    .objectRef<{ project: Listed; apiKey: ApiKeyRow; secret: string; revokedKeys: readonly ApiKeyRow[] }>('RecoverProjectPayload')
    .implement({
      description: 'A project with a new API key. Its secret is not shown again.',
      fields: (t) => ({
        project: t.field({ type: OperatorProject, description: 'The project.', resolve: ({ project }) => project }),
        apiKey: t.field({ type: ApiKey, description: 'The new key, with all scopes.', resolve: ({ apiKey }) => apiKey }),
        secret: t.exposeString('secret', { description: 'Secret of the new key.' }),
        revokedKeys: t.field({
          type: [ApiKey],
          description: 'The keys that were revoked, with `revokeKeys`.',
          resolve: ({ revokedKeys }) => [...revokedKeys],
        }),
      }),
    })

  builder.queryFields((t) => ({
    operatorProjects: t.field({
      type: OperatorProjectConnection,
      description: "All projects of this server, newest first; takes the operator's key. Errors: BAD_INPUT, BAD_CURSOR.",
      args: {
        ...connections.args,
        search: t.arg.string({ description: 'Only projects whose key or name contains this, without regard to case.' }),
      },
      async resolve(_root, { search, ...page }, { carillon: { projectAdmin } }) {
        const { nodes, cursorOf, ...rest } = await projectAdmin.list(page, search ?? null)
        return { ...rest, nodes: listed(nodes, projectAdmin.usage), cursorOf: ({ project }: Listed) => cursorOf(project) }
      },
    }),
  }))

  builder.mutationFields((t) => {
    const project = t.arg.id({ required: true, description: 'Id or key of the project.' })
    return {
      suspendProject: t.field({
        type: OperatorProject,
        description:
          "Suspends a project; takes the operator's key. Within 2 seconds all of its credentials are PROJECT_SUSPENDED, its connections are closed " +
          '(4403), and nothing more of it is sent. What was accepted waits, and is sent when it is resumed. Errors: NOT_FOUND, BAD_INPUT, ' +
          'PROJECT_SUSPENDED (it is being deleted).',
        args: {
          project,
          reason: t.arg.string({ description: 'Why: its callers are told. At most 500 characters.' }),
        },
        resolve: async (_root, { project: name, reason }, context) =>
          oneOf(context, await context.carillon.projectAdmin.suspend(name, reason ?? null, byOf(context))),
      }),
      resumeProject: t.field({
        type: OperatorProject,
        description:
          "Resumes a suspended project; takes the operator's key. What waited is sent, and campaigns that became due run once. " +
          'Errors: NOT_FOUND, PROJECT_SUSPENDED (it is being deleted).',
        args: { project },
        resolve: async (_root, { project: name }, context) =>
          oneOf(context, await context.carillon.projectAdmin.resume(name, byOf(context))),
      }),
      deleteProject: t.field({
        type: OperatorProject,
        description:
          "Deletes a project with everything in it; takes the operator's key. Its credentials are PROJECT_SUSPENDED within 2 seconds. It is erased in " +
          'the background; `operatorProjects { deletion }` shows how far that is. Once it has begun it can not be undone. Errors: NOT_FOUND, BAD_INPUT.',
        args: {
          project,
          confirm: t.arg.id({ required: true, description: "The project's key, to confirm." }),
          afterHours: t.arg.int({
            defaultValue: 0,
            description: 'How long it can still be called off by `recoverProject`, hours: 0 to 720.',
          }),
        },
        resolve: async (_root, { project: name, confirm, afterHours }, context) =>
          oneOf(context, await context.carillon.projectAdmin.remove(name, confirm, afterHours ?? 0, byOf(context))),
      }),
      recoverProject: t.field({
        type: RecoverPayload,
        description:
          "Gives a project a new API key with all scopes, for owners who have lost theirs, and calls off a deletion that has not begun; takes the operator's " +
          'key. A project that is suspended stays so. Errors: NOT_FOUND, PROJECT_SUSPENDED (its deletion has begun).',
        args: {
          project,
          revokeKeys: t.arg.boolean({ defaultValue: false, description: 'Also revokes all API keys that it had.' }),
        },
        async resolve(_root, { project: name, revokeKeys }, context) {
          const recovered = await context.carillon.projectAdmin.recover(name, revokeKeys ?? false, byOf(context))
          return { ...recovered, project: oneOf(context, recovered.project) }
        },
      }),
    }
  })

  const oneOf = ({ carillon }: Context, project: Project): Listed => ({
    project,
    usage: async () => (await carillon.projectAdmin.usage([project.id])).get(project.id) ?? { keyCount: 0, lastUsedAt: null },
  })
}
