/** Projects, API keys and tokens. */
import type { ApiKey, Project } from '../db/generated/client.ts'
import type { IssuedToken } from '../domain/token.ts'
import { CarillonError } from '../errors.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Caller } from './context.ts'
import type { Rates } from './rates.ts'

/** Adds them. `rates`: bounds failed guesses of `authenticate`. */
export function defineProjects(builder: Builder, rates: Pick<Rates, 'authentication'>) {
  const ProjectType = builder.prismaObject('Project', {
    description: 'A tenant: owns contacts, templates, notifications and keys, and is a wall around them.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      key: t.exposeID('key', { description: 'Its short name, unique on this server.' }),
      name: t.exposeString('name', { description: 'Its name.' }),
      locale: t.exposeString('locale', { description: 'The language of contacts that have none.' }),
      timezone: t.exposeString('timezone', { description: 'The time zone of contacts that have none.' }),
      accessKey: t.exposeString('accessKey', {
        description: 'Half of what `authenticate` takes. The other half, the secret key, is shown once, when it is made.',
      }),
      inboundDomain: t.exposeString('inboundDomain', {
        nullable: true,
        description: 'The domain whose mail comes in here, if any.',
      }),
      allowedOrigins: t.exposeStringList('allowedOrigins', {
        description: 'Origins whose pages may use contact tokens. Empty: every origin.',
      }),
      resendUnknown: t.exposeBoolean('resendUnknown', {
        description: 'Whether messages whose outcome is unknown go out again where that could make two (SMS, chat).',
      }),
      retentionDays: t.exposeInt('retentionDays', {
        description:
          'How long notifications, their messages and events are kept once nothing of them waits, days. Their counts, and the ids ' +
          'that were accepted, are kept for ever.',
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    }),
  })

  const ApiKeyType = builder.prismaObject('ApiKey', {
    description: "A backend's credential. Its secret is shown once, when it is made.",
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      name: t.exposeString('name', { description: 'What it is for.' }),
      prefix: t.exposeString('prefix', { description: 'The beginning of the secret, to tell keys apart.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
      lastUsedAt: t.expose('lastUsedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'When it was last used, to the minute.',
      }),
      revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'When it was revoked.' }),
    }),
  })

  const Viewer = builder.objectRef<Caller>('Viewer').implement({
    description: 'Who is asking.',
    fields: (t) => ({
      isOperator: t.boolean({
        description: "Whether it is the operator's key.",
        resolve: (caller) => caller.kind === 'operator',
      }),
      project: t.field({
        type: ProjectType,
        nullable: true,
        description: 'The project of the credential.',
        resolve: (caller) => (caller.kind === 'project' || caller.kind === 'contact' ? caller.project : null),
      }),
      contact: t.prismaField({
        type: 'Contact',
        nullable: true,
        description: 'The contact of a contact token.',
        resolve: (query, caller, _args, { domain }) =>
          caller.kind === 'contact'
            ? domain.prisma.contact.findUnique({
                ...query,
                where: { projectId_id: { projectId: caller.project.id, id: caller.contactId } },
              })
            : null,
      }),
      expiresAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the credential expires; null for a key.',
        resolve: (caller) => (caller.kind === 'project' || caller.kind === 'contact' ? caller.expiresAt : null),
      }),
    }),
  })

  const tokenFields = (what: string) => ({
    description: what,
    fields: (t: PothosSchemaTypes.ObjectFieldBuilder<import('./builder.ts').SchemaTypes, IssuedToken>) => ({
      token: t.exposeString('token', { description: 'Goes into `Authorization`, bare or after `Bearer`.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime' as const, description: 'When it stops being accepted.' }),
    }),
  })
  const AuthenticatePayload = builder
    .objectRef<IssuedToken>('AuthenticatePayload')
    .implement(tokenFields("An access token: as good as one of the project's API keys, for an hour."))
  const ContactTokenPayload = builder
    .objectRef<IssuedToken>('ContactTokenPayload')
    .implement(tokenFields('A contact token, for a page: it opens one contact’s feed and nothing else.'))

  const ApiKeyPayload = builder.objectRef<{ apiKey: ApiKey; secret: string }>('ApiKeyPayload').implement({
    description: 'A new API key.',
    fields: (t) => ({
      apiKey: t.field({ type: ApiKeyType, description: 'The key.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'What goes into `Authorization: Bearer …`. It is not shown again.' }),
    }),
  })

  interface Created {
    project: Project
    apiKey: ApiKey
    secret: string
    accessKey: string
    secretKey: string
  }
  const CreateProjectPayload = builder.objectRef<Created>('CreateProjectPayload').implement({
    description: 'A new project with its first keys. Secrets are not shown again.',
    fields: (t) => ({
      project: t.field({ type: ProjectType, description: 'The project.', resolve: ({ project }) => project }),
      apiKey: t.field({ type: ApiKeyType, description: 'Its first API key.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'The secret of that key.' }),
      accessKey: t.exposeString('accessKey', { description: 'First half of what `authenticate` takes.' }),
      secretKey: t.exposeString('secretKey', { description: 'Second half of it.' }),
    }),
  })

  builder.queryFields((t) => ({
    viewer: t.field({
      type: Viewer,
      description: 'Who the credential belongs to.',
      resolve: (_root, _args, { caller }) => caller,
    }),
    apiKeys: t.prismaField({
      type: ['ApiKey'],
      description: 'All API keys of the project, revoked ones too, newest first.',
      resolve: (query, _root, _args, context) =>
        context.domain.prisma.apiKey.findMany({ ...query, where: { projectId: projectOf(context).id }, orderBy: { id: 'desc' } }),
    }),
  }))

  const CreateProjectInput = builder.inputType('CreateProjectInput', {
    description: 'A new project.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Its short name: 1-255 characters, unique on this server.' }),
      name: t.string({ required: true, description: 'Its name, at most 255 characters.' }),
      locale: t.string({ defaultValue: 'en', description: 'The language of contacts that have none (BCP 47).' }),
      timezone: t.string({ defaultValue: 'UTC', description: 'The time zone of contacts that have none (IANA).' }),
    }),
  })

  const UpdateProjectInput = builder.inputType('UpdateProjectInput', {
    description: 'What to change of a project; what is left out stays as it is.',
    fields: (t) => ({
      name: t.string({ description: 'Its name, at most 255 characters.' }),
      locale: t.string({ description: 'The language of contacts that have none (BCP 47).' }),
      timezone: t.string({ description: 'The time zone of contacts that have none (IANA).' }),
      inboundDomain: t.string({ description: 'The domain whose mail comes in here; null: none.' }),
      allowedOrigins: t.stringList({
        description: 'Origins whose pages may use contact tokens, at most 1,000, each in full; empty: every origin.',
      }),
      resendUnknown: t.boolean({
        description: 'Whether messages whose outcome is unknown go out again where that could make two.',
      }),
      retentionDays: t.int({ description: 'How long what is finished is kept, days: 32 to 3,660; null: 90.' }),
    }),
  })
  const SecretKeyPayload = builder.objectRef<{ accessKey: string; secretKey: string }>('SecretKeyPayload').implement({
    description: 'What `authenticate` takes from now on. The secret key is not shown again.',
    fields: (t) => ({
      accessKey: t.exposeString('accessKey', { description: 'First half.' }),
      secretKey: t.exposeString('secretKey', { description: 'Second half.' }),
    }),
  })

  builder.mutationFields((t) => ({
    createProject: t.field({
      type: CreateProjectPayload,
      description: "Makes a project. The operator's key alone may. Errors: BAD_INPUT (a key that is taken), FORBIDDEN.",
      args: { input: t.arg({ type: CreateProjectInput, required: true, description: 'What to make.' }) },
      resolve: (_root, { input }, { domain }) => domain.projects.create(input),
    }),
    updateProject: t.field({
      type: ProjectType,
      description: 'Changes the project; what is left out stays as it is. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { input: t.arg({ type: UpdateProjectInput, required: true, description: 'What to change.' }) },
      resolve: (_root, { input }, context) => context.domain.projects.update(projectOf(context).id, input),
    }),
    rotateSecretKey: t.field({
      type: SecretKeyPayload,
      description:
        'Makes a new secret key for `authenticate`. The old one is refused from now on; tokens that it gave run out by themselves.',
      resolve: (_root, _args, context) => context.domain.projects.rotate(projectOf(context).id),
    }),
    createApiKey: t.field({
      type: ApiKeyPayload,
      description: 'Makes one more API key for the project.',
      args: { name: t.arg.string({ required: true, description: 'What it is for, at most 255 characters.' }) },
      resolve: (_root, { name }, context) => context.domain.projects.addKey(projectOf(context).id, name),
    }),
    revokeApiKey: t.field({
      type: ApiKeyType,
      description:
        'Revokes a key for good: requests are refused at once, open sockets are closed (4403) within 2 s. Errors: NOT_FOUND.',
      args: { id: t.arg.id({ required: true, description: 'Id of the key.' }) },
      resolve: (_root, { id }, context) => context.domain.projects.revokeKey(projectOf(context).id, id),
    }),
    authenticate: t.field({
      type: AuthenticatePayload,
      description:
        'Exchanges the project’s two keys for an access token of 1 hour. Any number of tokens are good at once. ' +
        'Errors: UNAUTHENTICATED; RATE_LIMITED after 10 failures a minute.',
      args: {
        accessKey: t.arg.string({ required: true, description: "The project's access key." }),
        secretKey: t.arg.string({ required: true, description: 'Its secret key.' }),
      },
      resolve: async (_root, { accessKey, secretKey }, { domain, remoteAddress }) => {
        rates.authentication.assert(remoteAddress, accessKey)
        try {
          return await domain.projects.authenticate(accessKey, secretKey)
        } catch (error) {
          if (error instanceof CarillonError && error.code === 'UNAUTHENTICATED')
            rates.authentication.failed(remoteAddress, accessKey)
          throw error
        }
      },
    }),
    createContactToken: t.field({
      type: ContactTokenPayload,
      description: 'Makes a token for one contact, to hand to its page. An unknown contact is created. Errors: BAD_INPUT.',
      args: {
        contact: t.arg.id({ required: true, description: 'externalId of the contact.' }),
        ttlSeconds: t.arg.int({ defaultValue: 3600, description: 'How long it is good, seconds: 1 to 86,400.' }),
      },
      resolve: (_root, { contact, ttlSeconds }, context) =>
        context.domain.projects.contactToken(projectOf(context).id, contact, ttlSeconds ?? 3600),
    }),
  }))
  return { Project: ProjectType }
}
