/** Templates and their contents. */
import type { Prisma } from '../db/generated/client.ts'
import type {
  ActionContent,
  AlimtalkContent as Alimtalk,
  Channel,
  ChatContent as Chat,
  ContentOf,
  DigestRule,
  EmailContent as Email,
  FriendtalkContent as Friendtalk,
  InAppContent as InApp,
  JsonObject,
  PushContent as Push,
  ChannelRule as Rule,
  SmsContent as Sms,
  WebhookContent as Webhook,
} from '../domain/words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'
import type { Enums } from './enums.ts'
import type { DeletePayloadRef } from './topic.ts'

interface ContentRow {
  readonly channel: Channel
  readonly locale: string
  readonly content: unknown
}
type Localized<C extends Channel> = ContentOf[C] & { readonly locale: string }

/** The contents of one channel. The table's rows of a channel have that channel's shape (see domain/template.ts). */
const contentsOf = <C extends Channel>(contents: readonly ContentRow[], channel: C): Localized<C>[] =>
  contents
    .filter((one) => one.channel === channel)
    .map(({ locale, content }) => ({ ...(content as ContentOf[C]), locale }))
    .sort((a, b) => (a.locale < b.locale ? -1 : 1))

/** Adds them. */
export function defineTemplates(
  builder: Builder,
  { Channel, ChannelCondition, TextType }: Pick<Enums, 'Channel' | 'ChannelCondition' | 'TextType'>,
  connections: ReturnType<typeof createConnections>,
  DeletePayload: DeletePayloadRef,
) {
  const Action = builder.objectRef<ActionContent>('ActionContent').implement({
    description: 'A button, as a template has it. Texts are Liquid.',
    fields: (t) => ({
      label: t.exposeString('label', { description: 'What it says.' }),
      url: t.exposeString('url', { nullable: true, description: 'Where it leads: https, http, mailto, tel or relative.' }),
    }),
  })
  const locale = 'The language of this content, BCP 47.'
  const InAppContent = builder.objectRef<InApp & { locale: string }>('InAppContent').implement({
    description: 'What a template says in the feed. Texts are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      title: t.exposeString('title', { nullable: true, description: 'The title.' }),
      body: t.exposeString('body', { description: 'The text.' }),
      iconUrl: t.exposeString('iconUrl', { nullable: true, description: 'Address of an icon.' }),
      url: t.exposeString('url', { nullable: true, description: 'Where a click leads.' }),
      primaryAction: t.expose('primaryAction', { type: Action, nullable: true, description: 'The first button.' }),
      secondaryAction: t.expose('secondaryAction', { type: Action, nullable: true, description: 'The second button.' }),
    }),
  })
  const EmailContent = builder.objectRef<Email & { locale: string }>('EmailContent').implement({
    description:
      'What a template says in an e-mail. Texts are Liquid; in `html` every value is escaped unless it is marked `| raw`.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      subject: t.exposeString('subject', { description: 'The subject.' }),
      html: t.exposeString('html', { nullable: true, description: 'The HTML part.' }),
      text: t.exposeString('text', { nullable: true, description: 'The plain part.' }),
      from: t.exposeString('from', { nullable: true, description: "The sender; null: the provider's own." }),
      replyTo: t.exposeString('replyTo', { nullable: true, description: 'Where answers go.' }),
      cc: t.exposeString('cc', { nullable: true, description: 'Copies, comma separated.' }),
      bcc: t.exposeString('bcc', { nullable: true, description: 'Blind copies, comma separated.' }),
    }),
  })
  const SmsContent = builder.objectRef<Sms & { locale: string }>('SmsContent').implement({
    description: 'What a template says in a text message. Texts are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      type: t.expose('type', { type: TextType, description: 'The kind.' }),
      title: t.exposeString('title', { nullable: true, description: 'The title, of LMS and MMS.' }),
      body: t.exposeString('body', { description: 'The text.' }),
    }),
  })

  const ChannelRule = builder.objectRef<Rule>('ChannelRule').implement({
    description: 'When a channel speaks, and on what condition.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      delaySeconds: t.exposeInt('delaySeconds', { description: 'How long it waits once the notification is due, seconds.' }),
      onlyIf: t.expose('onlyIf', {
        type: ChannelCondition,
        description: 'What must hold when it is due; otherwise it is SKIPPED.',
      }),
    }),
  })
  const Digest = builder.objectRef<DigestRule>('Digest').implement({
    description:
      'Folds all that is sent to one contact within a window into one notification, whose contents see `digest.count` and `digest.items`: the ' +
      '`data` of each in order, up to 1,000 of them and 1,000,000 characters; outside of `digest`, they see what the latest one has. The window ' +
      'does not move: it opens with the first message. A message of such a template takes neither `sendAt` nor `delaySeconds`.',
    fields: (t) => ({
      windowSeconds: t.exposeInt('windowSeconds', {
        description: 'How long a window is open, seconds: from its first message on.',
      }),
      key: t.exposeString('key', {
        nullable: true,
        description: 'Dotted path into `data`: each value has windows of its own. null: all are folded together.',
      }),
    }),
  })
  const PushContent = builder.objectRef<Push & { locale: string }>('PushContent').implement({
    description: 'What a template says in a push message, to a device or to a browser. Texts are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      title: t.exposeString('title', { description: 'The title.' }),
      body: t.exposeString('body', { description: 'The text.' }),
      imageUrl: t.exposeString('imageUrl', { nullable: true, description: 'Address of a picture.' }),
      url: t.exposeString('url', { nullable: true, description: 'What a tap opens: a link, or a scheme of your app.' }),
      data: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'What your app is given beside the text. Texts in it are Liquid.',
        resolve: ({ data }) => data,
      }),
    }),
  })
  const ChatContent = builder.objectRef<Chat & { locale: string }>('ChatContent').implement({
    description: 'What a template says in a chat service. Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      body: t.exposeString('body', { description: 'The text.' }),
    }),
  })
  const AlimtalkContent = builder.objectRef<Alimtalk & { locale: string }>('AlimtalkContent').implement({
    description: 'Which registered template of KakaoTalk a template says on Alimtalk. Its variables are the message’s `data`.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      templateCode: t.exposeString('templateCode', { description: 'The code that it is registered under.' }),
      body: t.exposeString('body', {
        nullable: true,
        description: 'Its text, filled in here by Liquid; null: the vendor fills the variables in.',
      }),
    }),
  })
  const FriendtalkContent = builder.objectRef<Friendtalk & { locale: string }>('FriendtalkContent').implement({
    description: 'What a template says on Friendtalk. Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      body: t.exposeString('body', { description: 'The text.' }),
      isAd: t.exposeBoolean('isAd', { description: 'Whether it is an advertisement.' }),
    }),
  })
  const WebhookContent = builder.objectRef<Webhook & { locale: string }>('WebhookContent').implement({
    description: 'What a template posts to a webhook.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      body: t.field({ type: 'JSON', description: 'The JSON. Texts in it are Liquid.', resolve: ({ body }) => body }),
    }),
  })

  const select = { contents: true } as const
  const Template = builder.prismaObject('Template', {
    description: 'Which channels a notification uses, and what it says on each, per language.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      key: t.exposeID('key', { description: 'Its name in calls: what every argument `template` takes.' }),
      name: t.exposeString('name', { description: 'Its name for people.' }),
      active: t.exposeBoolean('active', { description: 'Whether it may be sent.' }),
      critical: t.exposeBoolean('critical', { description: 'Whether preferences are ignored: for what must be said.' }),
      feed: t.exposeID('feed', { description: 'The feed that its in-app messages go to.' }),
      locales: t.stringList({
        description: 'Languages that it has contents in.',
        select,
        resolve: ({ contents }) => [...new Set(contents.map((one) => one.locale))].sort(),
      }),
      channels: t.field({
        type: [Channel],
        description: 'Channels that it has contents for.',
        select,
        resolve: ({ contents }) => [...new Set(contents.map((one) => one.channel))].sort(),
      }),
      variables: t.stringList({
        description: 'Names of the variables that its contents use.',
        select,
        resolve: ({ contents }, _args, { domain }) =>
          domain.renderer.variables(
            contents.map(({ channel, locale, content }) => ({ channel, locale, content: content as ContentOf[Channel] })),
          ),
      }),
      inApp: t.field({
        type: [InAppContent],
        description: 'In-app, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'IN_APP'),
      }),
      email: t.field({
        type: [EmailContent],
        description: 'E-mail, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'EMAIL'),
      }),
      sms: t.field({
        type: [SmsContent],
        description: 'Text message, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'SMS'),
      }),
      dataSchema: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'JSON Schema that the `data` of every message fits; null: anything does.',
        // Written by domain/template.ts alone, as the three below.
        resolve: ({ dataSchema }) => dataSchema as JsonObject | null,
      }),
      rules: t.field({
        type: [ChannelRule],
        description: 'Channels that wait, or depend. A channel without a rule speaks when the notification is due.',
        resolve: ({ rules }) => rules as unknown[] as Rule[],
      }),
      delaySeconds: t.exposeInt('delaySeconds', {
        nullable: true,
        description: 'How long its notifications wait where a message has neither `sendAt` nor `delaySeconds`, seconds.',
      }),
      digest: t.field({
        type: Digest,
        nullable: true,
        description: 'What is folded into one; null: nothing.',
        resolve: ({ digest }) => digest as DigestRule | null,
      }),
      push: t.field({
        type: [PushContent],
        description: 'Push message to devices, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'PUSH'),
      }),
      webPush: t.field({
        type: [PushContent],
        description: 'Push message to browsers, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'WEB_PUSH'),
      }),
      chat: t.field({
        type: [ChatContent],
        description: 'Chat message, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'CHAT'),
      }),
      alimtalk: t.field({
        type: [AlimtalkContent],
        description: 'KakaoTalk Alimtalk, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'ALIMTALK'),
      }),
      friendtalk: t.field({
        type: [FriendtalkContent],
        description: 'KakaoTalk Friendtalk, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'FRIENDTALK'),
      }),
      webhook: t.field({
        type: [WebhookContent],
        description: 'Webhook, per language.',
        select,
        resolve: ({ contents }) => contentsOf(contents, 'WEBHOOK'),
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    }),
  })
  const TemplateConnection = connections.of('Template', Template)

  builder.queryFields((t) => ({
    template: t.prismaField({
      type: 'Template',
      nullable: true,
      description: 'One template; null when there is none.',
      args: { key: t.arg.id({ required: true, description: 'Its key.' }) },
      resolve: (query, _root, { key }, context) =>
        key.includes('\0')
          ? null
          : context.domain.prisma.template.findUnique({
              ...query,
              where: { projectId_key: { projectId: projectOf(context).id, key }, deletedAt: null },
            }),
    }),
    templates: t.field({
      type: TemplateConnection,
      description: 'Templates, oldest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: connections.args,
      resolve: (_root, page, context, info): Promise<Connection<Prisma.TemplateGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const query = selectionOfNodes<Prisma.TemplateFindManyArgs>(context, info, 'Template')
        return pageById(
          context,
          'templates',
          projectId,
          page,
          'oldest-first',
          ({ where, ...order }) =>
            prisma.template.findMany({ ...query, where: { projectId, deletedAt: null, ...where }, ...order }),
          () => prisma.template.count({ where: { projectId, deletedAt: null } }),
        )
      },
    }),
  }))

  const ActionContentInput = builder.inputType('ActionContentInput', {
    description: 'A button. Texts are Liquid.',
    fields: (t) => ({
      label: t.string({ required: true, description: 'What it says.' }),
      url: t.string({ description: 'Where it leads: https, http, mailto, tel or relative.' }),
    }),
  })
  const InAppContentInput = builder.inputType('InAppContentInput', {
    description: 'What the template says in the feed, in one language. Texts are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      title: t.string({ description: 'The title.' }),
      body: t.string({ required: true, description: 'The text.' }),
      iconUrl: t.string({ description: 'Address of an icon: https, http or relative.' }),
      url: t.string({ description: 'Where a click leads: https, http, mailto, tel or relative.' }),
      primaryAction: t.field({ type: ActionContentInput, description: 'The first button.' }),
      secondaryAction: t.field({ type: ActionContentInput, description: 'The second button.' }),
    }),
  })
  const EmailContentInput = builder.inputType('EmailContentInput', {
    description: 'What the template says in an e-mail, in one language. Texts are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      subject: t.string({ required: true, description: 'The subject.' }),
      html: t.string({ description: 'The HTML part; every value is escaped unless it is marked `| raw`.' }),
      text: t.string({ description: 'The plain part.' }),
      from: t.string({ description: "The sender, `a@b.c` or `Name <a@b.c>`; default: the provider's own." }),
      replyTo: t.string({ description: 'Where answers go.' }),
      cc: t.string({ description: 'Copies, comma separated.' }),
      bcc: t.string({ description: 'Blind copies, comma separated.' }),
    }),
  })
  const SmsContentInput = builder.inputType('SmsContentInput', {
    description: 'What the template says in a text message, in one language. Texts are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      type: t.field({ type: TextType, defaultValue: 'SMS', description: 'The kind.' }),
      title: t.string({ description: 'The title, of LMS and MMS.' }),
      body: t.string({ required: true, description: 'The text.' }),
    }),
  })
  const ChannelRuleInput = builder.inputType('ChannelRuleInput', {
    description: 'When a channel speaks, and on what condition: "e-mail ten minutes later, only if UNREAD".',
    fields: (t) => ({
      channel: t.field({ type: Channel, required: true, description: 'The channel; each at most once.' }),
      delaySeconds: t.int({
        defaultValue: 0,
        description: 'How long it waits once the notification is due, seconds: 0 to a year.',
      }),
      onlyIf: t.field({
        type: ChannelCondition,
        defaultValue: 'ALWAYS',
        description:
          'What must hold when it is due, by the record as it is then; otherwise its message is SKIPPED with code SUPPRESSED.',
      }),
    }),
  })
  const DigestInput = builder.inputType('DigestInput', {
    description: 'What is folded into one notification.',
    fields: (t) => ({
      windowSeconds: t.int({ required: true, description: 'How long a window is open, seconds: 1 to 2,592,000 (30 days).' }),
      key: t.string({
        description: 'Dotted path into `data`: each value has windows of its own. Default: all are folded together.',
      }),
    }),
  })
  const PushContentInput = builder.inputType('PushContentInput', {
    description: 'What the template says in a push message, in one language. Texts are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      title: t.string({ required: true, description: 'The title.' }),
      body: t.string({ required: true, description: 'The text; cut where the platform cuts.' }),
      imageUrl: t.string({ description: 'Address of a picture.' }),
      url: t.string({ description: 'What a tap opens: any scheme but javascript, data, vbscript, file and blob.' }),
      data: t.field({ type: 'JSONObject', description: 'What your app is given beside the text. Texts in it are Liquid.' }),
    }),
  })
  const ChatContentInput = builder.inputType('ChatContentInput', {
    description: 'What the template says in a chat service, in one language. Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      body: t.string({ required: true, description: 'The text.' }),
    }),
  })
  const AlimtalkContentInput = builder.inputType('AlimtalkContentInput', {
    description: 'Which registered template of KakaoTalk is said, in one language. Its variables are the message’s `data`.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      templateCode: t.string({ required: true, description: 'The code that it is registered under.' }),
      body: t.string({
        description:
          'Its text, filled in here: Liquid, or as it is registered, where `#{name}` is what `data` has under that name. Left out: the vendor ' +
          'fills the variables in.',
      }),
    }),
  })
  const FriendtalkContentInput = builder.inputType('FriendtalkContentInput', {
    description: 'What the template says on Friendtalk, in one language. Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      body: t.string({ required: true, description: 'The text.' }),
      isAd: t.boolean({ defaultValue: false, description: 'Whether it is an advertisement.' }),
    }),
  })
  const WebhookContentInput = builder.inputType('WebhookContentInput', {
    description: 'What the template posts to a webhook, in one language.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      body: t.field({ type: 'JSON', required: true, description: 'The JSON. Texts in it are Liquid.' }),
    }),
  })
  const TemplateInput = builder.inputType('TemplateInput', {
    description:
      'A template. A field that is left out stays as it is; null removes it. The contents of a channel are replaced as a whole.',
    fields: (t) => ({
      key: t.id({ required: true, description: 'Its name in calls: 1-255 characters.' }),
      name: t.string({ description: 'Its name for people; default: the key.' }),
      active: t.boolean({ description: 'Whether it may be sent; default: true.' }),
      critical: t.boolean({ description: 'Whether preferences are ignored; default: false.' }),
      feed: t.id({ description: 'The feed that its in-app messages go to; default: `default`.' }),
      dataSchema: t.field({
        type: 'JSONObject',
        description:
          'JSON Schema (draft 2020-12, or 7 where `$schema` says so) that `data` must fit; otherwise a message is DATA_INVALID. At most 65,536 ' +
          'characters. Nothing that it refers to elsewhere is fetched, and data that takes longer than 250 ms to check is DATA_INVALID.',
      }),
      rules: t.field({ type: [ChannelRuleInput], description: 'Channels that wait, or depend; replaced as a whole.' }),
      delaySeconds: t.int({
        description:
          'How long its notifications wait where a message has neither `sendAt` nor `delaySeconds`, seconds: 0 to a year.',
      }),
      digest: t.field({ type: DigestInput, description: 'What is folded into one notification.' }),
      inApp: t.field({ type: [InAppContentInput], description: 'In-app, one for each language.' }),
      email: t.field({ type: [EmailContentInput], description: 'E-mail, one for each language.' }),
      sms: t.field({ type: [SmsContentInput], description: 'Text message, one for each language.' }),
      push: t.field({ type: [PushContentInput], description: 'Push message to devices, one for each language.' }),
      webPush: t.field({ type: [PushContentInput], description: 'Push message to browsers, one for each language.' }),
      chat: t.field({ type: [ChatContentInput], description: 'Chat message, one for each language.' }),
      alimtalk: t.field({ type: [AlimtalkContentInput], description: 'KakaoTalk Alimtalk, one for each language.' }),
      friendtalk: t.field({ type: [FriendtalkContentInput], description: 'KakaoTalk Friendtalk, one for each language.' }),
      webhook: t.field({ type: [WebhookContentInput], description: 'Webhook, one for each language.' }),
    }),
  })

  /** A template as the rules take it: with defaults where GraphQL leaves a null. */
  const templateOf = ({ inApp, email, sms, friendtalk, ...template }: typeof TemplateInput.$inferInput) => ({
    ...template,
    ...(inApp === undefined ? {} : { inApp: inApp === null ? null : inApp.map(withActions) }),
    ...(email === undefined ? {} : { email }),
    ...(sms === undefined
      ? {}
      : { sms: sms === null ? null : sms.map(({ type, ...content }) => ({ ...content, type: type ?? ('SMS' as const) })) }),
    ...(friendtalk === undefined
      ? {}
      : {
          friendtalk:
            friendtalk === null ? null : friendtalk.map(({ isAd, ...content }) => ({ ...content, isAd: isAd ?? false })),
        }),
  })

  builder.mutationFields((t) => ({
    deleteTemplates: t.field({
      type: DeletePayload,
      description:
        'Deletes templates: all of them or none. What was said with them stays readable, what waits is SKIPPED when it is due (TEMPLATE_EMPTY), ' +
        'and `upsertTemplates` makes one of the same key anew. One that a campaign uses is BAD_INPUT, naming the index and the campaign. ' +
        'Errors: BAD_INPUT, BATCH_TOO_LARGE.',
      args: { keys: t.arg.idList({ required: true, description: 'Keys of the templates, 1-1,000.' }) },
      resolve: async (_root, { keys }, context) => ({
        deletedCount: await context.domain.templates.remove(projectOf(context).id, keys),
      }),
    }),
    upsertTemplates: t.prismaField({
      type: ['Template'],
      description:
        'Makes or changes up to 1,000 templates: all of them or none; an error names the index. One that is named twice is changed in order. ' +
        'Errors: BAD_INPUT, BATCH_TOO_LARGE, TEMPLATE_BROKEN with line and column.',
      args: { templates: t.arg({ type: [TemplateInput], required: true, description: 'The templates, 1-1,000.' }) },
      resolve: async (query, _root, { templates }, context) => {
        const projectId = projectOf(context).id
        const { prisma } = context.domain
        const ids = await context.domain.templates.upsert(projectId, templates.map(templateOf))
        const rows = new Map(
          (await prisma.template.findMany({ ...query, where: { projectId, id: { in: ids } } })).map((row) => [row.id, row]),
        )
        return ids.flatMap((id) => rows.get(id) ?? [])
      },
    }),
  }))
  return { TemplateInput, templateOf }
}

export type Templates = ReturnType<typeof defineTemplates>

interface ActionInput {
  readonly label: string
  readonly url?: string | null | undefined
}

const withActions = <
  T extends { primaryAction?: ActionInput | null | undefined; secondaryAction?: ActionInput | null | undefined },
>(
  content: T,
) => ({
  ...content,
  primaryAction: actionOf(content.primaryAction),
  secondaryAction: actionOf(content.secondaryAction),
})

const actionOf = (action: ActionInput | null | undefined): ActionContent | null =>
  action === null || action === undefined ? null : { label: action.label, url: action.url ?? null }
