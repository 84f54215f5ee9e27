/** `preview`. */
import type { ChannelPreview as ChannelShape, Preview as Shape } from '../domain/preview.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'
import type { Problems } from './problem.ts'
import type { Sending } from './send.ts'
import type { Templates } from './template.ts'

/** Adds it. */
export function definePreview(
  builder: Builder,
  { Channel, ChannelCondition }: Pick<Enums, 'Channel' | 'ChannelCondition'>,
  { Problem }: Problems,
  { MessageInput }: Sending,
  { TemplateInput, templateOf }: Templates,
) {
  const SmsPreview = builder.objectRef<NonNullable<ChannelShape['sms']>>('SmsPreview').implement({
    description: 'How a text message goes over the air.',
    fields: (t) => ({
      encoding: t.exposeString('encoding', { description: '`GSM-7`, or `UCS-2` as soon as one character is not in GSM-7.' }),
      characters: t.exposeInt('characters', { description: 'Length in the units of the encoding.' }),
      segments: t.exposeInt('segments', { description: 'How many segments are sent, and charged.' }),
      bytes: t.exposeInt('bytes', { description: 'Length in bytes.' }),
    }),
  })
  const ChannelPreview = builder.objectRef<ChannelShape>('ChannelPreview').implement({
    description: 'What would happen on one channel.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      wouldSend: t.exposeBoolean('wouldSend', { description: 'Whether a message would go out on it.' }),
      reason: t.field({ type: Problem, nullable: true, description: 'Why not.', resolve: ({ reason }) => reason }),
      address: t.exposeString('address', { nullable: true, description: 'Where it would go.' }),
      delaySeconds: t.exposeInt('delaySeconds', {
        description:
          'How long it would wait: for its time, for the window of a digest, and by the rule of its channel. 0: not at all.',
      }),
      onlyIf: t.expose('onlyIf', { type: ChannelCondition, description: 'What would have to hold when it is due.' }),
      provider: t.id({
        nullable: true,
        description: 'Key of the provider that would carry it.',
        resolve: ({ provider }) => provider,
      }),
      subject: t.exposeString('subject', { nullable: true, description: 'Subject of the e-mail.' }),
      title: t.exposeString('title', { nullable: true, description: 'Title: in-app, LMS and MMS.' }),
      body: t.exposeString('body', { nullable: true, description: 'Text: in-app and text message.' }),
      html: t.exposeString('html', { nullable: true, description: 'HTML part of the e-mail.' }),
      text: t.exposeString('text', { nullable: true, description: 'Plain part of the e-mail.' }),
      sms: t.field({ type: SmsPreview, nullable: true, description: 'Size of the text message.', resolve: ({ sms }) => sms }),
      truncated: t.exposeBoolean('truncated', { description: 'Whether the platform cuts it.' }),
    }),
  })
  const Preview = builder.objectRef<Shape>('Preview').implement({
    description: 'What would happen, and why.',
    fields: (t) => ({
      ok: t.exposeBoolean('ok', { description: 'Whether the message would be accepted.' }),
      error: t.field({ type: Problem, nullable: true, description: 'Why not.', resolve: ({ error }) => error }),
      locale: t.exposeString('locale', { nullable: true, description: 'The language that it would speak.' }),
      channels: t.field({
        type: [ChannelPreview],
        description: 'Each channel, decided and rendered.',
        resolve: ({ channels }) => [...channels],
      }),
    }),
  })
  builder.queryFields((t) => ({
    preview: t.field({
      type: Preview,
      description:
        'Decides and renders a message as `sendMessages` would, on every channel: whether it would be sent, where to, through which provider, ' +
        'or why not. Nothing is stored, nothing is sent.',
      args: {
        message: t.arg({ type: MessageInput, required: true, description: 'The message.' }),
        draft: t.arg({
          type: TemplateInput,
          description:
            'The template of the message as it would be if this were given to `upsertTemplates`: to see a change before it is stored. Its key ' +
            'is that of the message’s template, which need not be there yet.',
        }),
      },
      resolve: (_root, { message, draft }, context) =>
        context.domain.preview(projectOf(context), message, draft === null || draft === undefined ? null : templateOf(draft)),
    }),
  }))
}
