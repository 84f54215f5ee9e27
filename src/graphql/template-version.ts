/** The versions of a template. */
import type { TemplateChange as Change } from '../domain/template-change.ts'
import type { TemplateVersion as Version } from '../domain/template-version.ts'
import { type AuditActor, auditActors, type Channel, type ContentField, type ContentOf } from '../words.ts'
import type { defineAudit } from './audit.ts'
import type { Builder } from './builder.ts'
import type { createConnections } from './connection.ts'
import type { Enums } from './enums.ts'
import type { defineTemplateContents } from './template-content.ts'

/** Contents of one channel, with the language of each, sorted. Rows of a channel have that channel's shape (see domain/template.ts). */
export const contentsOf = <C extends Channel>(
  contents: readonly { readonly channel: Channel; readonly locale: string; readonly content: unknown }[],
  channel: C,
): (ContentOf[C] & { readonly locale: string })[] =>
  contents
    .filter((one) => one.channel === channel)
    .map(({ locale, content }) => ({ ...(content as ContentOf[C]), locale }))
    .sort((a, b) => (a.locale < b.locale ? -1 : 1))

const isActor = (kind: string | null): kind is AuditActor => auditActors.some((one) => one === kind)

/** Defines the versions of templates. */
export function defineTemplateVersions(
  builder: Builder,
  { Channel, Severity, AuditActorKind }: Pick<Enums, 'Channel' | 'Severity'> & ReturnType<typeof defineAudit>,
  contents: ReturnType<typeof defineTemplateContents>,
  connections: ReturnType<typeof createConnections>,
) {
  const Author = builder.objectRef<Version>('TemplateVersionAuthor').implement({
    description: 'Who made a version, as it was named at that time.',
    fields: (t) => ({
      kind: t.field({
        type: AuditActorKind,
        description: 'Kind of credential.',
        resolve: ({ actorKind }) => (isActor(actorKind) ? actorKind : 'SYSTEM'),
      }),
      id: t.exposeID('actorId', { nullable: true, description: 'Id of the API key or the person; null for others.' }),
      name: t.exposeString('actorName', { nullable: true, description: 'Name of the API key or the person; null for others.' }),
      email: t.exposeString('actorEmail', { nullable: true, description: 'E-mail address of the person; null for others.' }),
    }),
  })
  const TemplateChange = builder.objectRef<Change>('TemplateChange').implement({
    description: 'A field that differs between two versions of a template.',
    fields: (t) => ({
      path: t.exposeString('path', {
        description: 'Which field, as in TemplateInput: `name`, or of a content with its language: `email.en.subject`.',
      }),
      before: t.field({
        type: 'JSON',
        nullable: true,
        description: 'Its value before; null: it had none.',
        resolve: (one) => one.before,
      }),
      after: t.field({
        type: 'JSON',
        nullable: true,
        description: 'Its value after; null: it has none.',
        resolve: (one) => one.after,
      }),
    }),
  })
  const inLanguages = (name: string) => `${name} content, per language.`
  const TemplateVersion = builder.objectRef<Version>('TemplateVersion').implement({
    description: 'A template as a change left it. The last 100 versions are kept, and the published one.',
    fields: (t) =>
      ({
        id: t.exposeID('id', { description: 'Id on this server.' }),
        number: t.exposeInt('number', { description: 'Its number: later versions have higher ones, with gaps at times.' }),
        author: t.field({
          type: Author,
          nullable: true,
          description: 'Who made it; null: it was there before versions were kept, or an older release of the server made it.',
          resolve: (version) => (version.actorKind === null ? null : version),
        }),
        restoredFrom: t.exposeInt('restoredFrom', {
          nullable: true,
          description: 'Number of the version whose content it restored; null: it restored none.',
        }),
        createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
        publishedAt: t.expose('publishedAt', {
          type: 'DateTime',
          nullable: true,
          description: 'When it was published; null: never.',
        }),
        changes: t.field({
          type: [TemplateChange],
          description: 'The fields in which it differs from another version. Errors: NOT_FOUND for one that is not kept.',
          args: { since: t.arg.int({ description: 'Number of the other version. Default: the one before it.' }) },
          resolve: (version, { since }, { carillon }) => carillon.templateVersions.changes(version, since ?? null),
        }),
        name: t.string({ description: 'Display name.', resolve: ({ content }) => content.name }),
        active: t.boolean({ description: 'Whether it may be sent.', resolve: ({ content }) => content.active }),
        critical: t.boolean({
          description: 'Whether it is sent regardless of preferences.',
          resolve: ({ content }) => content.critical,
        }),
        strict: t.boolean({
          description: 'Whether a message that lacks one of its variables is refused.',
          resolve: ({ content }) => content.strict,
        }),
        inPreferences: t.boolean({
          description: 'Whether contacts see it among their preferences, with their own tokens.',
          resolve: ({ content }) => content.inPreferences,
        }),
        feed: t.id({ description: 'Feed that its in-app messages appear in.', resolve: ({ content }) => content.feed }),
        severity: t.field({
          type: Severity,
          description: 'How important its in-app messages are.',
          resolve: ({ content }) => content.severity ?? 'NORMAL',
        }),
        locales: t.stringList({
          description: 'Languages that it has content in.',
          resolve: ({ stored }) => [...new Set(stored.map((one) => one.locale))].sort(),
        }),
        channels: t.field({
          type: [Channel],
          description: 'Channels that it has content for.',
          resolve: ({ stored }) => [...new Set(stored.map((one) => one.channel))].sort(),
        }),
        variables: t.stringList({
          description: 'Names of the variables that its contents use.',
          resolve: ({ projectId, stored }, _args, { carillon }) => carillon.templates.variables(projectId, stored),
        }),
        dataSchema: t.field({
          type: 'JSONObject',
          nullable: true,
          description: 'JSON Schema that the `data` of every message has to match; null: any data is accepted.',
          resolve: ({ content }) => content.dataSchema,
        }),
        rules: t.field({
          type: [contents.ChannelRule],
          description: 'Delays and conditions of channels.',
          resolve: ({ content }) => [...content.rules],
        }),
        delaySeconds: t.int({
          nullable: true,
          description: 'Default delay of its notifications, in seconds.',
          resolve: ({ content }) => content.delaySeconds,
        }),
        digest: t.field({
          type: contents.Digest,
          nullable: true,
          description: 'The digest; null: notifications are not folded.',
          resolve: ({ content }) => content.digest,
        }),
        inApp: t.field({
          type: [contents.InAppContent],
          description: inLanguages('In-app'),
          resolve: ({ stored }) => contentsOf(stored, 'IN_APP'),
        }),
        email: t.field({
          type: [contents.EmailContent],
          description: inLanguages('E-mail'),
          resolve: ({ stored }) => contentsOf(stored, 'EMAIL'),
        }),
        sms: t.field({
          type: [contents.SmsContent],
          description: inLanguages('Text message'),
          resolve: ({ stored }) => contentsOf(stored, 'SMS'),
        }),
        push: t.field({
          type: [contents.PushContent],
          description: 'Push content for devices, per language.',
          resolve: ({ stored }) => contentsOf(stored, 'PUSH'),
        }),
        webPush: t.field({
          type: [contents.PushContent],
          description: 'Push content for browsers, per language.',
          resolve: ({ stored }) => contentsOf(stored, 'WEB_PUSH'),
        }),
        chat: t.field({
          type: [contents.ChatContent],
          description: inLanguages('Chat'),
          resolve: ({ stored }) => contentsOf(stored, 'CHAT'),
        }),
        alimtalk: t.field({
          type: [contents.AlimtalkContent],
          description: inLanguages('KakaoTalk Alimtalk'),
          resolve: ({ stored }) => contentsOf(stored, 'ALIMTALK'),
        }),
        friendtalk: t.field({
          type: [contents.FriendtalkContent],
          description: inLanguages('KakaoTalk Friendtalk'),
          resolve: ({ stored }) => contentsOf(stored, 'FRIENDTALK'),
        }),
        webhook: t.field({
          type: [contents.WebhookContent],
          description: inLanguages('Webhook'),
          resolve: ({ stored }) => contentsOf(stored, 'WEBHOOK'),
        }),
      }) satisfies Record<ContentField, unknown> & Record<string, unknown>,
  })
  return { TemplateVersion, TemplateVersionConnection: connections.of('TemplateVersion', TemplateVersion) }
}
