/** Templates and their contents. */
import type {
  Channel,
  ContentField,
  ContentOf,
  DigestRule,
  JsonObject,
  ChannelRule as Rule,
  TemplateSample as Sample,
  Severity,
} from '../words.ts'
import { byOf, projectOf } from './access.ts'
import type { defineAudit } from './audit.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import type { DeletePayloadRef } from './delete-payload.ts'
import type { Enums } from './enums.ts'
import { defineTemplateContents } from './template-content.ts'
import type { TemplateInputs } from './template-input.ts'
import { contentsOf, defineTemplateVersions } from './template-version.ts'

/** Defines templates, and their operations. */
export function defineTemplates(
  builder: Builder,
  enums: Pick<Enums, 'Channel' | 'ChannelCondition' | 'Severity' | 'TextType'> & ReturnType<typeof defineAudit>,
  { TemplateInput, templateOf }: TemplateInputs,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const contents = defineTemplateContents(builder, enums)
  const {
    InAppContent,
    EmailContent,
    SmsContent,
    ChannelRule,
    Digest,
    PushContent,
    ChatContent,
    AlimtalkContent,
    FriendtalkContent,
    WebhookContent,
  } = contents
  const { TemplateVersion, TemplateVersionConnection } = defineTemplateVersions(builder, enums, contents, connections)
  const TemplateSample = builder.objectRef<Sample>('TemplateSample').implement({
    description: 'Data to preview a template with.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Name, unique in the template.' }),
      data: t.field({ type: 'JSONObject', description: 'The `data` of a message.', resolve: ({ data }) => data }),
    }),
  })
  const select = { contents: true } as const
  const Template = builder.prismaObject('Template', {
    description: 'The channels that a notification uses, and its content on each, per language.',
    fields: (t) =>
      ({
        id: t.exposeID('id', { description: 'Id on this server.' }),
        key: t.exposeID('key', { description: 'Key, unique in the project: what every argument `template` takes.' }),
        name: t.exposeString('name', { description: 'Display name.' }),
        active: t.exposeBoolean('active', { description: 'Whether it may be sent.' }),
        critical: t.exposeBoolean('critical', {
          description: 'Whether it is sent regardless of preferences, such as a receipt or a security alert.',
        }),
        strict: t.exposeBoolean('strict', { description: 'Whether a message that lacks one of its variables is refused.' }),
        inPreferences: t.exposeBoolean('inPreferences', {
          description: 'Whether contacts see it among their preferences, with their own tokens.',
        }),
        feed: t.exposeID('feed', { description: 'Feed that its in-app messages appear in.' }),
        severity: t.field({
          type: enums.Severity,
          description: 'How important its in-app messages are.',
          resolve: ({ severity }) => severity as Severity,
        }),
        locales: t.stringList({
          description: 'Languages that it has content in.',
          select,
          resolve: ({ contents }) => [...new Set(contents.map((one) => one.locale))].sort(),
        }),
        channels: t.field({
          type: [enums.Channel],
          description: 'Channels that it has content for.',
          select,
          resolve: ({ contents }) => [...new Set(contents.map((one) => one.channel))].sort(),
        }),
        variables: t.stringList({
          description: 'Names of the variables that its contents use.',
          select,
          resolve: ({ contents, projectId }, _args, { carillon }) =>
            carillon.templates.variables(
              projectId,
              contents.map(({ channel, locale, content }) => ({ channel, locale, content: content as ContentOf[Channel] })),
            ),
        }),
        inApp: t.field({
          type: [InAppContent],
          description: 'In-app content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'IN_APP'),
        }),
        email: t.field({
          type: [EmailContent],
          description: 'E-mail content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'EMAIL'),
        }),
        sms: t.field({
          type: [SmsContent],
          description: 'Text message content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'SMS'),
        }),
        dataSchema: t.field({
          type: 'JSONObject',
          nullable: true,
          description: 'JSON Schema that the `data` of every message has to match; null: any data is accepted.',
          // Written by domain/template.ts alone, as the three below.
          resolve: ({ dataSchema }) => dataSchema as JsonObject | null,
        }),
        rules: t.field({
          type: [ChannelRule],
          description: 'Delays and conditions of channels. A channel without a rule sends as soon as the notification is due.',
          resolve: ({ rules }) => rules as unknown[] as Rule[],
        }),
        delaySeconds: t.exposeInt('delaySeconds', {
          nullable: true,
          description:
            'Default delay of its notifications, in seconds: for messages that have neither `sendAt` nor `delaySeconds`.',
        }),
        digest: t.field({
          type: Digest,
          nullable: true,
          description: 'The digest; null: notifications are not folded.',
          resolve: ({ digest }) => digest as DigestRule | null,
        }),
        push: t.field({
          type: [PushContent],
          description: 'Push content for devices, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'PUSH'),
        }),
        webPush: t.field({
          type: [PushContent],
          description: 'Push content for browsers, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'WEB_PUSH'),
        }),
        chat: t.field({
          type: [ChatContent],
          description: 'Chat content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'CHAT'),
        }),
        alimtalk: t.field({
          type: [AlimtalkContent],
          description: 'KakaoTalk Alimtalk content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'ALIMTALK'),
        }),
        friendtalk: t.field({
          type: [FriendtalkContent],
          description: 'KakaoTalk Friendtalk content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'FRIENDTALK'),
        }),
        webhook: t.field({
          type: [WebhookContent],
          description: 'Webhook content, per language.',
          select,
          resolve: ({ contents }) => contentsOf(contents, 'WEBHOOK'),
        }),
        version: t.exposeInt('version', {
          description:
            'Number of the version that is sent, which is what the other fields show; it goes up with each that is published.',
        }),
        latestVersion: t.int({
          description: 'Number of its latest version: what `expectedVersion` takes. Above `version` it is of a draft.',
          select: { version: true, latestVersion: true },
          resolve: ({ version, latestVersion }) => Math.max(version, latestVersion ?? 0),
        }),
        published: t.exposeBoolean('published', {
          description:
            'Whether it was ever published. Before, it is only a draft: it has no content, and sends are TEMPLATE_INACTIVE.',
        }),
        draft: t.field({
          type: TemplateVersion,
          nullable: true,
          description: 'Its latest version, if that is not published; null: it is.',
          select: { projectId: true, id: true, version: true, latestVersion: true, published: true },
          resolve: ({ projectId, id, version, latestVersion, published }, _args, { carillon }) =>
            latestVersion === null || (latestVersion <= version && published)
              ? null
              : carillon.templateVersions.find(projectId, id, latestVersion),
        }),
        versions: t.field({
          type: TemplateVersionConnection,
          description: 'Its versions, newest first: the last 100, and the published one. Errors: BAD_INPUT, BAD_CURSOR.',
          args: connections.args,
          select: { projectId: true, id: true },
          resolve: ({ projectId, id }, page, { carillon }) => carillon.templateVersions.list(projectId, id, page),
        }),
        samples: t.field({
          type: [TemplateSample],
          description: 'Data to preview it with.',
          resolve: ({ samples }) => samples as unknown[] as Sample[],
        }),
        createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
        updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
      }) satisfies Record<ContentField, unknown> & Record<string, unknown>,
  })
  const TemplateConnection = connections.of('Template', Template)

  builder.queryFields((t) => ({
    template: t.prismaField({
      type: 'Template',
      nullable: true,
      description: 'One template; null if it does not exist.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) => context.carillon.templates.find(projectOf(context).id, key, query),
    }),
    templateVersion: t.field({
      type: TemplateVersion,
      nullable: true,
      description: 'One version of a template; null if there is none, or it is not kept any more.',
      args: {
        key: t.arg.id({ required: true, description: 'Key of the template.' }),
        number: t.arg.int({ required: true, description: 'Number of the version.' }),
      },
      resolve: (_root, { key, number }, context) =>
        context.carillon.templateVersions.findByKey(projectOf(context).id, key, number),
    }),
    templates: t.field({
      type: TemplateConnection,
      description: 'Templates, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: {
        ...connections.args,
        search: t.arg.string({
          description: 'Only those whose key or name contains this, without regard to case: at most 255 characters.',
        }),
      },
      resolve: (_root, page, context, info) =>
        context.carillon.templates.list(projectOf(context).id, page, loadingOfNodes(context, info, 'Template')),
    }),
  }))

  builder.mutationFields((t) => ({
    deleteTemplates: t.field({
      type: DeletePayload,
      description:
        'Deletes templates: all of them or none. Messages that were sent stay readable, messages that still wait are SKIPPED when they are due ' +
        '(TEMPLATE_EMPTY), and the key can be used again. A template that a campaign uses is BAD_INPUT, with the index and the campaign. ' +
        'Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the templates, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.carillon.templates.remove(projectOf(context).id, keys, byOf(context)),
      }),
    }),
    publishTemplate: t.prismaField({
      type: 'Template',
      description:
        'Publishes the draft of a template: it is what is sent from now on, also by messages that wait. A template without a draft is left as it is. ' +
        'Errors: TEMPLATE_NOT_FOUND, TEMPLATE_CHANGED.',
      args: {
        key: t.arg.id({ required: true, description: 'Key of the template.' }),
        expectedVersion: t.arg.int({
          description:
            'Number of the draft; if it is not the latest version any more, nothing is published, and the call is TEMPLATE_CHANGED.',
        }),
      },
      resolve: async (query, _root, { key, expectedVersion }, context) => {
        const projectId = projectOf(context).id
        const id = await context.carillon.templateVersions.publish(projectId, key, expectedVersion ?? null, byOf(context))
        return context.carillon.templates.withId(projectId, id, query)
      },
    }),
    restoreTemplateVersion: t.prismaField({
      type: 'Template',
      description:
        'Makes a new version of a template with the content of an earlier one: published at once, or a draft where the project keeps them ' +
        '(`Project.templateDrafts`). One that would change nothing is not made. Errors: TEMPLATE_NOT_FOUND, NOT_FOUND for a version that is not ' +
        'kept, TEMPLATE_CHANGED.',
      args: {
        key: t.arg.id({ required: true, description: 'Key of the template.' }),
        number: t.arg.int({ required: true, description: 'Number of the earlier version.' }),
        expectedVersion: t.arg.int({
          description: '`latestVersion` that the template must have; if it has another one now, the call is TEMPLATE_CHANGED.',
        }),
      },
      resolve: async (query, _root, { key, number, expectedVersion }, context) => {
        const projectId = projectOf(context).id
        const { templateVersions } = context.carillon
        const id = await templateVersions.restore(projectId, key, number, expectedVersion ?? null, byOf(context))
        return context.carillon.templates.withId(projectId, id, query)
      },
    }),
    upsertTemplates: t.prismaField({
      type: ['Template'],
      description:
        'Creates or updates up to 1,000 templates: all of them or none; an error has the index. A template that is listed twice is changed in order. ' +
        'Each that changes has a new version, published at once, or a draft where the project keeps them (`Project.templateDrafts`). ' +
        'Errors: BAD_INPUT, BATCH_TOO_LARGE, TEMPLATE_BROKEN with line and column, TEMPLATE_CHANGED, RATE_LIMITED when its texts and schemas take too long to read.',
      args: { templates: t.arg({ type: [TemplateInput], required: true, description: 'The templates, 1-1,000.' }) },
      resolve: async (query, _root, { templates }, context) => {
        const projectId = projectOf(context).id
        const ids = await context.carillon.templates.upsert(projectId, templates.map(templateOf), byOf(context))
        return context.carillon.templates.withIds(projectId, ids, query)
      },
    }),
  }))
}
