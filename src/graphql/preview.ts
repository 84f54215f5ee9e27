/** `preview`. */
import type { ChannelPreview as ChannelShape, Preview as Shape } from '../send/preview.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'
import type { Sending } from './send.ts'
import type { TemplateInputs } from './template-input.ts'

/** Defines `preview`. */
export function definePreview(
  builder: Builder,
  { Channel, ChannelCondition }: Pick<Enums, 'Channel' | 'ChannelCondition'>,
  { Problem }: Problems,
  { MessageInput }: Sending,
  { TemplateInput, templateOf }: TemplateInputs,
) {
  const SmsPreview = builder.objectRef<NonNullable<ChannelShape['sms']>>('SmsPreview').implement({
    description: 'Encoding and size of a text message.',
    fields: (t) => ({
      encoding: t.exposeString('encoding', {
        description:
          '`GSM-7`, or `UCS-2` as soon as one character is not in GSM-7; `EUC-KR` to Korean numbers through NHN Cloud and SOLAPI.',
      }),
      characters: t.exposeInt('characters', {
        description: 'Length in units of the encoding: an emoji is two in UCS-2, as `€` is in GSM-7.',
      }),
      segments: t.exposeInt('segments', {
        description: 'How many segments are sent and charged; always 1 in EUC-KR, where bytes decide: an SMS has 90.',
      }),
      bytes: t.exposeInt('bytes', { description: 'Length in bytes of the encoding.' }),
    }),
  })
  const ChannelPreview = builder.objectRef<ChannelShape>('ChannelPreview').implement({
    description: 'Preview of one channel.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      wouldSend: t.exposeBoolean('wouldSend', { description: 'Whether a message would be sent on it.' }),
      reason: t.field({
        type: Problem,
        nullable: true,
        description: 'Why not; null if it would be.',
        resolve: ({ reason }) => reason,
      }),
      address: t.string({
        nullable: true,
        description: 'Address that it would be sent to; `…` replaces what in a URL may authorize.',
        resolve: ({ address, channel }, _args, { carillon }) => carillon.shownAddress(channel, address),
      }),
      delaySeconds: t.exposeInt('delaySeconds', {
        description:
          'How long it would wait, in seconds: until `sendAt`, for the window of a digest, and by the rule of its channel. 0: it would not wait.',
      }),
      onlyIf: t.expose('onlyIf', { type: ChannelCondition, description: 'Condition that would be checked when it is due.' }),
      provider: t.id({
        nullable: true,
        description: 'Key of the provider that it would be sent through.',
        resolve: ({ provider }) => provider,
      }),
      subject: t.exposeString('subject', { nullable: true, description: 'Subject of the e-mail.' }),
      title: t.exposeString('title', { nullable: true, description: 'Title, of in-app, push, LMS and MMS messages.' }),
      body: t.exposeString('body', { nullable: true, description: 'Text of a message other than an e-mail.' }),
      html: t.exposeString('html', { nullable: true, description: 'HTML part of the e-mail.' }),
      text: t.exposeString('text', {
        nullable: true,
        description: 'Plain text part of the e-mail; made of the HTML part if the template has none.',
      }),
      from: t.exposeString('from', {
        nullable: true,
        description: "Sender of the e-mail; null: that of the provider's settings.",
      }),
      replyTo: t.exposeString('replyTo', { nullable: true, description: 'Reply addresses of the e-mail, separated by commas.' }),
      cc: t.stringList({ description: 'Cc addresses of the e-mail.', resolve: ({ cc }) => [...cc] }),
      bcc: t.stringList({ description: 'Bcc addresses of the e-mail.', resolve: ({ bcc }) => [...bcc] }),
      suppressedCopies: t.stringList({
        description: 'Cc and Bcc addresses that would be left out, because they are suppressed.',
        resolve: (one) => [...one.suppressedCopies],
      }),
      sms: t.field({ type: SmsPreview, nullable: true, description: 'Size of the text message.', resolve: ({ sms }) => sms }),
      truncated: t.exposeBoolean('truncated', { description: 'Whether it would be shortened to what the platform can carry.' }),
    }),
  })
  const Preview = builder.objectRef<Shape>('Preview').implement({
    description: 'Preview of a message: what would be sent, and why.',
    fields: (t) => ({
      ok: t.exposeBoolean('ok', { description: 'Whether the message would be accepted.' }),
      error: t.field({
        type: Problem,
        nullable: true,
        description: 'Why not; null if it would be.',
        resolve: ({ error }) => error,
      }),
      locale: t.exposeString('locale', { nullable: true, description: 'Language of the content that would be used.' }),
      channels: t.field({
        type: [ChannelPreview],
        description: 'Decision and rendered content for each channel.',
        resolve: ({ channels }) => [...channels],
      }),
      warnings: t.field({
        type: [Problem],
        description: 'As in the result of `sendMessages`.',
        resolve: ({ warnings }) => warnings.slice(0, 20),
      }),
    }),
  })
  builder.queryFields((t) => ({
    preview: t.field({
      type: Preview,
      description:
        'Decides and renders a message as `sendMessages` would, without storing or sending anything: for each channel, whether it would be sent, ' +
        'to which address and through which provider, or why not. It is rendered by the code that sends, and checked by its provider as it is before ' +
        'sending: only what the vendor alone can know is not known.',
      args: {
        message: t.arg({ type: MessageInput, required: true, description: 'The message.' }),
        draft: t.arg({
          type: TemplateInput,
          description:
            'Uses the template as it would be after `upsertTemplates` with this input, to preview a change before it is stored. Its key is that of ' +
            'the template of the message, which does not have to exist yet. Where the project keeps drafts, it changes the latest draft.',
        }),
        version: t.arg.int({
          description:
            "Uses this version of the message's template; `draft` is a change of it. Default: the published one. One that is not kept is NOT_FOUND, " +
            'in `error`.',
        }),
      },
      resolve: (_root, { message, draft, version }, context) =>
        context.carillon.preview(projectOf(context), message, {
          change: draft === null || draft === undefined ? null : templateOf(draft),
          version: version ?? null,
        }),
    }),
  }))
}
