/** The input of `upsertTemplates`. */
import type { ActionContent, ContentField } from '../words.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

/** The inputs of templates. */
export type TemplateInputs = ReturnType<typeof defineTemplateInput>

/** Defines the inputs of templates. */
export function defineTemplateInput(
  builder: Builder,
  { Channel, ChannelCondition, Severity, TextType }: Pick<Enums, 'Channel' | 'ChannelCondition' | 'Severity' | 'TextType'>,
) {
  const locale = 'Language of this content, BCP 47; dates are formatted in it.'
  const ActionContentInput = builder.inputType('ActionContentInput', {
    description: 'A button of an in-app template. Strings are Liquid.',
    fields: (t) => ({
      label: t.string({ required: true, description: 'The label.' }),
      url: t.string({ description: 'URL that it opens: https, http, mailto, tel or relative.' }),
    }),
  })
  const InAppContentInput = builder.inputType('InAppContentInput', {
    description: 'In-app content in one language. Strings are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      title: t.string({ description: 'The title.' }),
      body: t.string({ required: true, description: 'The text.' }),
      iconUrl: t.string({ description: 'URL of an icon: https, http or relative.' }),
      url: t.string({ description: 'URL that a click opens: https, http, mailto, tel or relative.' }),
      primaryAction: t.field({ type: ActionContentInput, description: 'The first button.' }),
      secondaryAction: t.field({ type: ActionContentInput, description: 'The second button.' }),
    }),
  })
  const EmailContentInput = builder.inputType('EmailContentInput', {
    description: 'E-mail content in one language. Strings are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      subject: t.string({ required: true, description: 'The subject.' }),
      html: t.string({ description: 'The HTML part; every value is escaped unless it is marked `| raw`.' }),
      text: t.string({ description: 'The plain text part; made of the HTML part if it is left out. One of both is needed.' }),
      from: t.string({
        description:
          "The sender, `a@b.c` or `Name <a@b.c>`; default: that of the provider's settings. Values stay within the name, or the address, that they " +
          'stand in.',
      }),
      replyTo: t.string({ description: 'Reply-To addresses, separated by commas; each may have a name.' }),
      cc: t.string({
        description: 'Cc addresses, separated by commas; each may have a name. One that is suppressed is left out.',
      }),
      bcc: t.string({
        description: 'Bcc addresses, separated by commas; each may have a name. One that is suppressed is left out.',
      }),
    }),
  })
  const SmsContentInput = builder.inputType('SmsContentInput', {
    description: 'Text message content in one language. Strings are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      type: t.field({ type: TextType, defaultValue: 'SMS', description: 'The kind of text message.' }),
      title: t.string({ description: 'The title; LMS and MMS only.' }),
      body: t.string({ required: true, description: 'The text.' }),
    }),
  })
  const ChannelRuleInput = builder.inputType('ChannelRuleInput', {
    description: 'How long a channel waits, and under which condition it sends: "e-mail ten minutes later, only if UNREAD".',
    fields: (t) => ({
      channel: t.field({ type: Channel, required: true, description: 'The channel; each at most once.' }),
      delaySeconds: t.int({
        defaultValue: 0,
        description: 'How long it waits after the notification is due, in seconds: 0 to 31,622,400 (366 days).',
      }),
      onlyIf: t.field({
        type: ChannelCondition,
        defaultValue: 'ALWAYS',
        description:
          'Condition checked when its message is due; the message is SKIPPED with code SUPPRESSED if it does not hold.',
      }),
    }),
  })
  const DigestInput = builder.inputType('DigestInput', {
    description: 'Digest: folds notifications of one contact into one.',
    fields: (t) => ({
      windowSeconds: t.int({
        required: true,
        description: 'Length of a window from its first message, in seconds: 1 to 2,592,000 (30 days).',
      }),
      key: t.string({
        description:
          'Dotted path into `data`: notifications are folded separately for each value. Default: all are folded together.',
      }),
    }),
  })
  const PushContentInput = builder.inputType('PushContentInput', {
    description: 'Push content in one language. Strings are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      title: t.string({ required: true, description: 'The title.' }),
      body: t.string({ required: true, description: 'The text; shortened to what the platform can carry.' }),
      imageUrl: t.string({ description: 'URL of a picture.' }),
      url: t.string({ description: 'URL that a tap opens: any scheme except javascript, data, vbscript, file and blob.' }),
      data: t.field({ type: 'JSONObject', description: 'Custom data for your app. Strings in it are Liquid.' }),
    }),
  })
  const ChatContentInput = builder.inputType('ChatContentInput', {
    description: 'Chat content in one language. Strings are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      body: t.string({
        required: true,
        description:
          'The text. Markup of the chat service stands as you write it; values are escaped for the service unless they are marked `| raw`.',
      }),
    }),
  })
  const AlimtalkContentInput = builder.inputType('AlimtalkContentInput', {
    description:
      'Alimtalk content in one language: a template registered with KakaoTalk, whose variables are filled from the `data` of the message.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      templateCode: t.string({ required: true, description: 'Code that it is registered under.' }),
      body: t.string({
        description:
          'The registered text, rendered by this server: as Liquid, or as it is registered, where `#{name}` is the value of `name` in `data`. ' +
          'Left out: the vendor fills in the variables.',
      }),
    }),
  })
  const FriendtalkContentInput = builder.inputType('FriendtalkContentInput', {
    description: 'Friendtalk content in one language. Strings are Liquid.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      body: t.string({ required: true, description: 'The text.' }),
      isAd: t.boolean({ defaultValue: false, description: 'Whether it is an advertisement.' }),
    }),
  })
  const WebhookContentInput = builder.inputType('WebhookContentInput', {
    description: 'Webhook content in one language.',
    fields: (t) => ({
      locale: t.string({ defaultValue: 'en', description: locale }),
      body: t.field({ type: 'JSON', required: true, description: 'The JSON body. Strings in it are Liquid.' }),
    }),
  })
  const TemplateSampleInput = builder.inputType('TemplateSampleInput', {
    description: 'Data to preview a template with.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'Name, unique in the template: 1-100 characters.' }),
      data: t.field({
        type: 'JSONObject',
        required: true,
        description: 'The `data` of a message; at most 65,536 characters as JSON.',
      }),
    }),
  })
  const TemplateInput = builder.inputType('TemplateInput', {
    description:
      'A template to create or update. A field that is left out is not changed; null removes its value. The contents of a channel are replaced as a whole.',
    fields: (t) =>
      ({
        key: t.id({ required: true, description: 'Key, unique in the project: 1-255 characters.' }),
        name: t.string({ description: 'Display name; default: the key.' }),
        active: t.boolean({ description: 'Whether it may be sent; default: true.' }),
        critical: t.boolean({ description: 'Whether it is sent regardless of preferences; default: false.' }),
        strict: t.boolean({
          description:
            'Whether a message is refused with DATA_INVALID if a variable that the template uses, without `default`, has no value; default: false, ' +
            'it is accepted with a warning. A send to many is refused for variables of its data (`data.name`): all others differ by contact.',
        }),
        inPreferences: t.boolean({
          description:
            'Whether contacts see it among their preferences, with their own tokens; default: true. false for one that ' +
            'most contacts should not know of. API keys always see it.',
        }),
        feed: t.id({ description: 'Feed that its in-app messages appear in; default: `default`.' }),
        severity: t.field({ type: Severity, description: 'How important its in-app messages are; default: NORMAL.' }),
        dataSchema: t.field({
          type: 'JSONObject',
          description:
            'JSON Schema (draft 2020-12, or draft 7 if `$schema` names it) that `data` has to match; otherwise a message is DATA_INVALID. At most ' +
            '65,536 characters. Remote references are not fetched. Patterns have the syntax of RE2: look-arounds and back-references are BAD_INPUT. ' +
            'All data of a call that takes longer than 250 ms to validate is DATA_INVALID; a schema that takes longer to compile is BAD_INPUT.',
        }),
        rules: t.field({ type: [ChannelRuleInput], description: 'Delays and conditions of channels; replaced as a whole.' }),
        delaySeconds: t.int({
          description:
            'Default delay of its notifications, in seconds, 0 to 31,622,400 (366 days): for messages that have neither `sendAt` nor `delaySeconds`.',
        }),
        digest: t.field({ type: DigestInput, description: 'Digest: folds notifications of one contact into one.' }),
        inApp: t.field({ type: [InAppContentInput], description: 'In-app content, one for each language.' }),
        email: t.field({ type: [EmailContentInput], description: 'E-mail content, one for each language.' }),
        sms: t.field({ type: [SmsContentInput], description: 'Text message content, one for each language.' }),
        push: t.field({ type: [PushContentInput], description: 'Push content for devices, one for each language.' }),
        webPush: t.field({ type: [PushContentInput], description: 'Push content for browsers, one for each language.' }),
        chat: t.field({ type: [ChatContentInput], description: 'Chat content, one for each language.' }),
        alimtalk: t.field({ type: [AlimtalkContentInput], description: 'KakaoTalk Alimtalk content, one for each language.' }),
        friendtalk: t.field({
          type: [FriendtalkContentInput],
          description: 'KakaoTalk Friendtalk content, one for each language.',
        }),
        webhook: t.field({ type: [WebhookContentInput], description: 'Webhook content, one for each language.' }),
        samples: t.field({
          type: [TemplateSampleInput],
          description:
            'Data to preview it with, at most 20 sets; replaced as a whole. They are not part of its versions, and stored at once. Do not put the ' +
            'data of real people here: erasing a contact does not change it.',
        }),
        expectedVersion: t.int({
          description:
            '`latestVersion` of the template that this changes; 0: there is none. If it has another one now, because somebody else changed it ' +
            'meanwhile, the call is TEMPLATE_CHANGED with its number as `got`. Default: it is changed whichever it is.',
        }),
      }) satisfies Record<ContentField, unknown> & Record<string, unknown>,
  })

  /** The input as `carillon.templates` accepts it: with the defaults in place of an explicit null. */
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
  return { TemplateInput, templateOf }
}

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
