/** Projects and tokens. */
import type { ApiKey as ApiKeyRow, Project } from '../db/generated/client.ts'
import type { IssuedToken } from '../domain/token.ts'
import { type BudgetNumbers, scopes } from '../words.ts'
import { byOf, contactOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Caller } from './context.ts'
import type { KeyTypes } from './key.ts'
import type { AuthenticationLimit } from './transport.ts'

/** `rates` limits failed attempts of `authenticate`. */
export function defineProjects(builder: Builder, { ApiKey, Scope }: KeyTypes, rates: AuthenticationLimit) {
  const budgetTexts = {
    project: 'All callers of the project together.',
    contacts: 'All its contact tokens together.',
    key: 'Each of its API keys; all its access tokens count as one.',
    contact: 'Each of its contacts, with all tokens of the contact.',
  } as const
  const ProjectLimits = builder.objectRef<BudgetNumbers>('ProjectLimits').implement({
    description:
      'What the callers of a project may spend, in units of cost a second, where the operator has set it; null: the default of the server. An ' +
      'operation costs what its result may hold, and what its mutations are given. Beyond a budget it is RATE_LIMITED.',
    fields: (t) => ({
      project: t.int({ nullable: true, description: budgetTexts.project, resolve: ({ project }) => project ?? null }),
      contacts: t.int({ nullable: true, description: budgetTexts.contacts, resolve: ({ contacts }) => contacts ?? null }),
      key: t.int({ nullable: true, description: budgetTexts.key, resolve: ({ key }) => key ?? null }),
      contact: t.int({ nullable: true, description: budgetTexts.contact, resolve: ({ contact }) => contact ?? null }),
    }),
  })
  const ProjectLimitsInput = builder.inputType('ProjectLimitsInput', {
    description:
      'Budgets of a project, in units of cost a second: 1 to 999,999,999. One that is left out or null is the default of the server.',
    fields: (t) => ({
      project: t.int({ description: budgetTexts.project }),
      contacts: t.int({ description: budgetTexts.contacts }),
      key: t.int({ description: budgetTexts.key }),
      contact: t.int({ description: budgetTexts.contact }),
    }),
  })

  const ProjectType = builder.prismaObject('Project', {
    description: 'A tenant: it owns contacts, templates, notifications and keys, and shares nothing with other projects.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      key: t.exposeID('key', { description: 'Short name, unique on this server.' }),
      name: t.exposeString('name', { description: 'Display name.' }),
      locale: t.exposeString('locale', { description: 'Language of contacts that have none, BCP 47.' }),
      timezone: t.exposeString('timezone', { description: 'Time zone of contacts that have none, IANA.' }),
      accessKey: t.exposeString('accessKey', {
        description:
          'Public half of the key pair for `authenticate`. The other half, the secret key, is shown only once, when it is created.',
      }),
      inboundDomain: t.exposeString('inboundDomain', {
        nullable: true,
        description: 'Domain whose inbound mail this server receives; null: none.',
      }),
      allowedOrigins: t.exposeStringList('allowedOrigins', {
        description: 'Origins of the pages that may use contact tokens. Empty: any origin.',
      }),
      resendUnknown: t.exposeBoolean('resendUnknown', {
        description: 'Whether UNKNOWN messages are sent again on channels where that could deliver them twice (SMS, chat).',
      }),
      templateDrafts: t.exposeBoolean('templateDrafts', {
        description:
          'Whether a change of a template is a draft until `publishTemplate`. false: every change is published at once.',
      }),
      retentionDays: t.exposeInt('retentionDays', {
        description:
          'How many days notifications, their messages, and events are kept once nothing of them is pending. Counts, and the ids of accepted ' +
          'messages, are kept permanently.',
      }),
      limits: t.field({
        type: ProjectLimits,
        description: 'Its budgets of cost.',
        resolve: ({ limits }) => limits as BudgetNumbers,
      }),
      auditRetentionDays: t.exposeInt('auditRetentionDays', {
        description: 'How many days entries of the audit log are kept.',
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    }),
  })

  const Viewer = builder.objectRef<Caller>('Viewer').implement({
    description: 'The credential of this request.',
    fields: (t) => ({
      isOperator: t.boolean({
        description: "Whether it is the key of the server's operator.",
        resolve: (caller) => caller.kind === 'operator',
      }),
      project: t.field({
        type: ProjectType,
        nullable: true,
        description: 'The project that it belongs to.',
        resolve: (caller) => (caller.kind === 'project' || caller.kind === 'contact' ? caller.project : null),
      }),
      contact: t.prismaField({
        type: 'Contact',
        nullable: true,
        description: 'The contact, if it is a contact token.',
        resolve: (query, caller, _args, { carillon }) =>
          caller.kind === 'contact'
            ? carillon.contacts.findById({ projectId: caller.project.id, contactId: caller.contactId }, query)
            : null,
      }),
      scopes: t.field({
        type: [Scope],
        description: "What a project's credential is good for; empty for a contact token and for the operator's key.",
        resolve: (caller) => (caller.kind === 'project' ? scopes.filter((scope) => caller.scopes.has(scope)) : []),
      }),
      apiKey: t.field({
        type: ApiKey,
        nullable: true,
        description: 'The API key, if it is one.',
        resolve: (caller, _args, { carillon }) =>
          caller.kind === 'project' && caller.keyId !== null ? carillon.projects.findKey(caller.project.id, caller.keyId) : null,
      }),
      expiresAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it expires; null: never.',
        resolve: (caller) => (caller.kind === 'project' || caller.kind === 'contact' ? caller.expiresAt : null),
      }),
    }),
  })

  const tokenFields = (what: string) => ({
    description: what,
    fields: (t: PothosSchemaTypes.ObjectFieldBuilder<import('./builder.ts').SchemaTypes, IssuedToken>) => ({
      token: t.exposeString('token', { description: 'The token, for the `Authorization` header, with or without `Bearer`.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime' as const, description: 'When it expires.' }),
    }),
  })
  const AuthenticatePayload = builder
    .objectRef<IssuedToken>('AuthenticatePayload')
    .implement(tokenFields('An access token: for one hour it has every scope but KEYS.'))
  const ContactTokenPayload = builder
    .objectRef<IssuedToken>('ContactTokenPayload')
    .implement(
      tokenFields(
        'A contact token, for web pages and apps: it gives access to the feed and the preferences of one contact and nothing else.',
      ),
    )

  interface Created {
    project: Project
    apiKey: ApiKeyRow
    secret: string
    accessKey: string
    secretKey: string
  }
  const CreateProjectPayload = builder.objectRef<Created>('CreateProjectPayload').implement({
    description: 'A new project with its first keys. The secrets are not shown again.',
    fields: (t) => ({
      project: t.field({ type: ProjectType, description: 'The project.', resolve: ({ project }) => project }),
      apiKey: t.field({ type: ApiKey, description: 'Its first API key.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'Secret of that API key.' }),
      accessKey: t.exposeString('accessKey', { description: 'Access key for `authenticate`.' }),
      secretKey: t.exposeString('secretKey', { description: 'Secret key for `authenticate`.' }),
    }),
  })

  builder.queryFields((t) => ({
    viewer: t.field({
      type: Viewer,
      description: 'The credential of this request, and whom it belongs to.',
      resolve: (_root, _args, { caller }) => caller,
    }),
  }))

  const CreateProjectInput = builder.inputType('CreateProjectInput', {
    description: 'A new project.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Short name: 1-255 characters, unique on this server.' }),
      name: t.string({ required: true, description: 'Display name, at most 255 characters.' }),
      locale: t.string({ defaultValue: 'en', description: 'Language of contacts that have none, BCP 47.' }),
      timezone: t.string({ defaultValue: 'UTC', description: 'Time zone of contacts that have none, IANA.' }),
    }),
  })

  const UpdateProjectInput = builder.inputType('UpdateProjectInput', {
    description: 'Changes of a project. A field that is left out is not changed.',
    fields: (t) => ({
      name: t.string({ description: 'Display name, at most 255 characters.' }),
      locale: t.string({ description: 'Language of contacts that have none, BCP 47.' }),
      timezone: t.string({ description: 'Time zone of contacts that have none, IANA.' }),
      inboundDomain: t.string({ description: 'Domain whose inbound mail this server receives; null: none.' }),
      allowedOrigins: t.stringList({
        description:
          'Origins of the pages that may use contact tokens, such as `https://example.com`, at most 1,000; empty: any origin.',
      }),
      resendUnknown: t.boolean({
        description: 'Whether UNKNOWN messages are sent again on channels where that could deliver them twice (SMS, chat).',
      }),
      templateDrafts: t.boolean({
        description:
          'Whether a change of a template, and a new template, is a draft until `publishTemplate`; default: false. Set it once every process of ' +
          'the server runs this release: an older one publishes at once. Drafts that are there when it is set to false stay drafts.',
      }),
      retentionDays: t.int({
        description: 'How many days finished notifications, their messages, and events are kept: 32 to 3,660; null: 90.',
      }),
      auditRetentionDays: t.int({ description: 'How many days entries of the audit log are kept: 30 to 3,660; null: 400.' }),
    }),
  })
  builder.mutationFields((t) => ({
    createProject: t.field({
      type: CreateProjectPayload,
      description: "Creates a project; takes the operator's key. Errors: BAD_INPUT (the key is taken), FORBIDDEN.",
      args: { input: t.arg({ type: CreateProjectInput, required: true, description: 'The new project.' }) },
      resolve: (_root, { input }, context) => context.carillon.projects.create(input, byOf(context)),
    }),
    setProjectLimits: t.field({
      type: ProjectType,
      description:
        "Sets the budgets of a project, all of them; takes the operator's key. Other processes apply them within a second. Errors: BAD_INPUT, " +
        'FORBIDDEN, NOT_FOUND.',
      args: {
        project: t.arg.id({ required: true, description: 'Key or id of the project.' }),
        limits: t.arg({ type: ProjectLimitsInput, required: true, description: 'The budgets.' }),
      },
      resolve: (_root, { project, limits }, context) => context.carillon.projectAdmin.setLimits(project, limits, byOf(context)),
    }),
    updateProject: t.field({
      type: ProjectType,
      description: 'Updates the project. Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { input: t.arg({ type: UpdateProjectInput, required: true, description: 'The changes.' }) },
      resolve: (_root, { input }, context) => context.carillon.projects.update(projectOf(context).id, input, byOf(context)),
    }),
    authenticate: t.field({
      type: AuthenticatePayload,
      description:
        'Exchanges the key pair of a project for an access token that is valid for one hour. Several tokens can be valid at the same time. ' +
        'Errors: UNAUTHENTICATED; PROJECT_SUSPENDED; RATE_LIMITED after 10 failures a minute.',
      args: {
        accessKey: t.arg.string({ required: true, description: "The project's access key." }),
        secretKey: t.arg.string({ required: true, description: 'Its secret key.' }),
      },
      resolve: (_root, { accessKey, secretKey }, { carillon, remoteAddress }) =>
        rates.authenticate(remoteAddress, accessKey, () => carillon.projects.authenticate(accessKey, secretKey)),
    }),
    createContactToken: t.field({
      type: ContactTokenPayload,
      description:
        'Issues a token for one contact, to be used in a web page or app. An unknown contact is created. It gives access to what the contact ' +
        'was sent, so it takes READ as well as SEND. Errors: BAD_INPUT, FORBIDDEN.',
      args: {
        contact: t.arg.id({ required: true, description: 'externalId of the contact.' }),
        ttlSeconds: t.arg.int({ defaultValue: 3600, description: 'How long it is valid, in seconds: 1 to 86,400.' }),
      },
      resolve: (_root, { contact, ttlSeconds }, context) =>
        context.carillon.projects.contactToken(projectOf(context).id, contact, ttlSeconds ?? 3600),
    }),
    revokeContactTokens: t.prismaField({
      type: 'Contact',
      description:
        'Revokes all tokens of a contact that were issued before, at a log-out for example: within 2 seconds requests with them are refused, ' +
        'and open WebSockets and streams are closed (4403). A token that is issued later is valid. Errors: CONTACT_NOT_FOUND.',
      args: { contact: t.arg.id({ required: true, description: 'externalId of the contact.' }) },
      resolve: async (query, _root, { contact }, context) => {
        const key = await contactOf(context, contact)
        await context.carillon.projects.revokeContactTokens(key, byOf(context))
        return context.carillon.contacts.withId(key, query)
      },
    }),
  }))
  return { Project: ProjectType, Viewer }
}
