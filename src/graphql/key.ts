/** API keys, and the secret key for access tokens. */
import type { ApiKey as ApiKeyRow } from '../db/generated/client.ts'
import type { Rotation } from '../domain/project.ts'
import { CarillonError } from '../errors.ts'
import { type Scope as ScopeName, scopes } from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Caller, Context } from './context.ts'

const scopeTexts = {
  send: 'To send, to keep contacts and their events up to date, and to look at what was sent, one notification at a time. Nothing else.',
  read: 'To look at everything but credentials. Changes nothing.',
  manage: 'To change what is configured, suppressions included, and to erase contacts.',
  keys: "To list, create and revoke the project's API keys.",
} satisfies Record<ScopeName, string>

/** The types that other files use. */
export type KeyTypes = ReturnType<typeof defineKeys>

/** The caller, where only credentials of a project are let in. */
function projectCaller({ caller }: Context): Extract<Caller, { kind: 'project' }> {
  if (caller.kind !== 'project') throw new CarillonError('FORBIDDEN')
  return caller
}

/** Defines API keys and their operations. */
export function defineKeys(builder: Builder) {
  const Scope = builder.enumType('Scope', {
    description: "What a project's credential is good for. What takes which scope is listed in the guide.",
    values: Object.fromEntries(scopes.map((value) => [value.toUpperCase(), { value, description: scopeTexts[value] }])) as Record<
      Uppercase<ScopeName>,
      { value: ScopeName; description: string }
    >,
  })
  const ApiKey = builder.prismaObject('ApiKey', {
    description: 'A credential of a backend. Its secret is shown only once, when it is created.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      name: t.exposeString('name', { description: 'Display name, such as what it is used for.' }),
      prefix: t.exposeString('prefix', { description: 'First characters of the secret, to identify the key.' }),
      scopes: t.field({
        type: [Scope],
        description: 'What it may do.',
        resolve: (key) => scopes.filter((scope) => key.scopes.includes(scope)),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
      expiresAt: t.expose('expiresAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it expires; null: never. Requests with it are UNAUTHENTICATED from then on.',
      }),
      lastUsedAt: t.expose('lastUsedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it was last used, to the minute; null: never.',
      }),
      revokedAt: t.expose('revokedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it was revoked; null: it was not.',
      }),
    }),
  })

  const ApiKeyPayload = builder.objectRef<{ apiKey: ApiKeyRow; secret: string }>('ApiKeyPayload').implement({
    description: 'A new API key.',
    fields: (t) => ({
      apiKey: t.field({ type: ApiKey, description: 'The key.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'The secret, for `Authorization: Bearer …`. It is not shown again.' }),
    }),
  })

  const SecretKeyPayload = builder.objectRef<Rotation>('SecretKeyPayload').implement({
    description: 'The new key pair for `authenticate`, and which other credentials of the project are still valid.',
    fields: (t) => ({
      accessKey: t.exposeString('accessKey', { description: 'Access key for `authenticate`.' }),
      secretKey: t.exposeString('secretKey', { description: 'Secret key for `authenticate`. It is not shown again.' }),
      validKeys: t.field({
        type: [ApiKey],
        description: 'The API keys that are still valid, newest first. They are not replaced by a rotation.',
        resolve: ({ validKeys }) => [...validKeys],
      }),
      revokedKeys: t.field({
        type: [ApiKey],
        description: 'The API keys that were revoked, with `revokeKeys`.',
        resolve: ({ revokedKeys }) => [...revokedKeys],
      }),
      tokensRevoked: t.exposeBoolean('tokensRevoked', {
        description: 'Whether access tokens that were issued before were revoked. If not, they are valid for up to an hour.',
      }),
    }),
  })

  builder.queryFields((t) => ({
    apiKeys: t.prismaField({
      type: ['ApiKey'],
      description: 'All API keys of the project, revoked ones too, newest first.',
      resolve: (query, _root, _args, context) => context.carillon.projects.listKeys(projectOf(context).id, query),
    }),
  }))

  builder.mutationFields((t) => ({
    rotateSecretKey: t.field({
      type: SecretKeyPayload,
      description:
        'Replaces the secret key for `authenticate`. The old one is refused at once. API keys and access tokens that were issued with it stay ' +
        'valid, unless the arguments revoke them. It takes a credential with every scope that does not expire. Errors: FORBIDDEN.',
      args: {
        revokeKeys: t.arg.boolean({
          defaultValue: false,
          description: 'Also revokes all API keys of the project, except the one of this request.',
        }),
        revokeTokens: t.arg.boolean({
          defaultValue: false,
          description: 'Also revokes all access tokens that were issued before: within 2 seconds they are refused everywhere.',
        }),
      },
      resolve: (_root, args, context) =>
        context.carillon.projects.rotate(projectOf(context).id, projectCaller(context), args, byOf(context)),
    }),
    createApiKey: t.field({
      type: ApiKeyPayload,
      description:
        'Creates another API key for the project. A key can be given no scope that the credential of this request lacks, and no more time than ' +
        'that has. Errors: BAD_INPUT, BATCH_TOO_LARGE, FORBIDDEN.',
      args: {
        name: t.arg.string({ required: true, description: 'Display name, such as what it is used for; at most 255 characters.' }),
        scopes: t.arg({
          type: [Scope],
          description: 'What it may do, 1 to 4; default: all that the credential of this request has.',
        }),
        expiresAt: t.arg({
          type: 'DateTime',
          description: 'When it expires; default: never, or when the key of this request does.',
        }),
      },
      resolve: (_root, key, context) =>
        context.carillon.projects.addKey(projectOf(context).id, key, projectCaller(context), byOf(context)),
    }),
    revokeApiKey: t.field({
      type: ApiKey,
      description:
        'Revokes an API key permanently: requests are refused at once, open WebSockets are closed (4403) within 2 seconds. Errors: NOT_FOUND.',
      args: { id: t.arg.id({ required: true, description: 'Id of the key.' }) },
      resolve: (_root, { id }, context) => context.carillon.projects.revokeKey(projectOf(context).id, id, byOf(context)),
    }),
  }))
  return { ApiKey, Scope }
}
