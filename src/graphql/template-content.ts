/** The contents of a template, by channel and language, and its rules. */
import type {
  ActionContent,
  AlimtalkContent as Alimtalk,
  ChatContent as Chat,
  DigestRule,
  EmailContent as Email,
  FriendtalkContent as Friendtalk,
  InAppContent as InApp,
  PushContent as Push,
  ChannelRule as Rule,
  SmsContent as Sms,
  WebhookContent as Webhook,
} from '../words.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

/** Defines the contents of templates. */
export function defineTemplateContents(
  builder: Builder,
  { Channel, ChannelCondition, TextType }: Pick<Enums, 'Channel' | 'ChannelCondition' | 'TextType'>,
) {
  const Action = builder.objectRef<ActionContent>('ActionContent').implement({
    description: 'A button of an in-app template. Strings are Liquid.',
    fields: (t) => ({
      label: t.exposeString('label', { description: 'The label.' }),
      url: t.exposeString('url', { nullable: true, description: 'URL that it opens: https, http, mailto, tel or relative.' }),
    }),
  })
  const locale = 'Language of this content, BCP 47; dates are formatted in it.'
  const InAppContent = builder.objectRef<InApp & { locale: string }>('InAppContent').implement({
    description: 'In-app content of a template. Strings are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      title: t.exposeString('title', { nullable: true, description: 'The title.' }),
      body: t.exposeString('body', { description: 'The text.' }),
      iconUrl: t.exposeString('iconUrl', { nullable: true, description: 'URL of an icon.' }),
      url: t.exposeString('url', { nullable: true, description: 'URL that a click opens.' }),
      primaryAction: t.expose('primaryAction', { type: Action, nullable: true, description: 'The first button.' }),
      secondaryAction: t.expose('secondaryAction', { type: Action, nullable: true, description: 'The second button.' }),
    }),
  })
  const EmailContent = builder.objectRef<Email & { locale: string }>('EmailContent').implement({
    description:
      'E-mail content of a template. Strings are Liquid; in `html` every value is escaped unless it is marked `| raw`.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      subject: t.exposeString('subject', { description: 'The subject.' }),
      html: t.exposeString('html', { nullable: true, description: 'The HTML part.' }),
      text: t.exposeString('text', { nullable: true, description: 'The plain text part.' }),
      from: t.exposeString('from', { nullable: true, description: "The From address; null: that of the provider's settings." }),
      replyTo: t.exposeString('replyTo', { nullable: true, description: 'Reply-To addresses, separated by commas.' }),
      cc: t.exposeString('cc', { nullable: true, description: 'Cc addresses, separated by commas.' }),
      bcc: t.exposeString('bcc', { nullable: true, description: 'Bcc addresses, separated by commas.' }),
    }),
  })
  const SmsContent = builder.objectRef<Sms & { locale: string }>('SmsContent').implement({
    description: 'Text message content of a template. Strings are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      type: t.expose('type', { type: TextType, description: 'The kind of text message.' }),
      title: t.exposeString('title', { nullable: true, description: 'The title; LMS and MMS only.' }),
      body: t.exposeString('body', { description: 'The text.' }),
    }),
  })

  const ChannelRule = builder.objectRef<Rule>('ChannelRule').implement({
    description: 'How long a channel waits, and under which condition it sends.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      delaySeconds: t.exposeInt('delaySeconds', { description: 'How long it waits after the notification is due, in seconds.' }),
      onlyIf: t.expose('onlyIf', {
        type: ChannelCondition,
        description: 'Condition checked when its message is due; the message is SKIPPED if it does not hold.',
      }),
    }),
  })
  const Digest = builder.objectRef<DigestRule>('Digest').implement({
    description:
      'Folds the notifications of one contact within a time window into one. Its contents have `digest.count`, and `digest.items`: the `data` ' +
      'of each folded notification in order, at most 1,000 of them and 1,000,000 characters; other variables are those of the latest one. The ' +
      'window opens with the first message and is not extended by later ones. A message of such a template takes neither `sendAt` nor ' +
      '`delaySeconds`.',
    fields: (t) => ({
      windowSeconds: t.exposeInt('windowSeconds', {
        description: 'Length of a window from its first message, in seconds.',
      }),
      key: t.exposeString('key', {
        nullable: true,
        description:
          'Dotted path into `data`: notifications are folded separately for each value. null: all are folded together.',
      }),
    }),
  })
  const PushContent = builder.objectRef<Push & { locale: string }>('PushContent').implement({
    description: 'Push content of a template, for a device or a browser. Strings are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      title: t.exposeString('title', { description: 'The title.' }),
      body: t.exposeString('body', { description: 'The text.' }),
      imageUrl: t.exposeString('imageUrl', { nullable: true, description: 'URL of a picture.' }),
      url: t.exposeString('url', { nullable: true, description: 'URL that a tap opens; may have a scheme of your app.' }),
      data: t.field({
        type: 'JSONObject',
        nullable: true,
        description: 'Custom data for your app. Strings in it are Liquid.',
        resolve: ({ data }) => data,
      }),
    }),
  })
  const ChatContent = builder.objectRef<Chat & { locale: string }>('ChatContent').implement({
    description: 'Chat content of a template. Strings are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      body: t.exposeString('body', { description: 'The text.' }),
    }),
  })
  const AlimtalkContent = builder.objectRef<Alimtalk & { locale: string }>('AlimtalkContent').implement({
    description:
      'Alimtalk content of a template: a template registered with KakaoTalk, whose variables are filled from the `data` of the message.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      templateCode: t.exposeString('templateCode', { description: 'Code that it is registered under.' }),
      body: t.exposeString('body', {
        nullable: true,
        description: 'The registered text, rendered by this server as Liquid; null: the vendor fills in the variables.',
      }),
    }),
  })
  const FriendtalkContent = builder.objectRef<Friendtalk & { locale: string }>('FriendtalkContent').implement({
    description: 'Friendtalk content of a template. Strings are Liquid.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      body: t.exposeString('body', { description: 'The text.' }),
      isAd: t.exposeBoolean('isAd', { description: 'Whether it is an advertisement.' }),
    }),
  })
  const WebhookContent = builder.objectRef<Webhook & { locale: string }>('WebhookContent').implement({
    description: 'Webhook content of a template.',
    fields: (t) => ({
      locale: t.exposeString('locale', { description: locale }),
      body: t.field({ type: 'JSON', description: 'The JSON body. Strings in it are Liquid.', resolve: ({ body }) => body }),
    }),
  })
  return {
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
  }
}
