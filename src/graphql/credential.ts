/** Credentials of contacts. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

/** Defines `setCredentials`. */
export function defineCredentials(builder: Builder, { Channel }: Pick<Enums, 'Channel'>) {
  const Credential = builder.prismaObject('Credential', {
    description: 'Device tokens or a webhook through which a provider reaches a contact.',
    select: { provider: { select: { key: true, channel: true } } },
    fields: (t) => ({
      provider: t.id({ description: 'Key of the provider.', resolve: ({ provider }) => provider.key }),
      channel: t.field({ type: Channel, description: 'Its channel.', resolve: ({ provider }) => provider.channel }),
      deviceTokens: t.exposeStringList('deviceTokens', {
        description: 'Device tokens, for push; for a browser, its subscription as a JSON string.',
      }),
      webhookUrl: t.string({
        nullable: true,
        select: { webhookUrl: true },
        description:
          'URL that messages are posted to, for chat and webhooks; `…` replaces what in it may authorize. Given back, it keeps what is stored.',
        resolve: ({ webhookUrl, provider }, _args, { carillon }) => carillon.shownAddress(provider.channel, webhookUrl),
      }),
      channelName: t.exposeString('channelName', {
        nullable: true,
        description: 'Channel of the chat service, if its webhook can post to several.',
      }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
    }),
  })
  builder.prismaObjectField('Contact', 'credentials', (t) =>
    t.field({
      type: [Credential],
      description: 'Device tokens and webhooks, by provider.',
      select: {
        credentials: { include: { provider: { select: { key: true, channel: true } } }, orderBy: { providerId: 'asc' } },
      },
      // Prisma reads one table after the other: the provider may be deleted in between, and is null then.
      resolve: ({ credentials }) => credentials.filter(({ provider }) => provider !== null),
    }),
  )
  builder.mutationFields((t) => ({
    setCredentials: t.prismaField({
      type: 'Contact',
      description:
        'Sets the device tokens or the webhook through which a provider reaches a contact. What is left out is not changed; null or an empty list ' +
        'removes it. Device tokens that the vendor reports as invalid are removed automatically. Errors: CONTACT_NOT_FOUND, NOT_FOUND, CHANNEL_UNSUPPORTED, ' +
        'ADDRESS_INVALID, BATCH_TOO_LARGE, BAD_INPUT.',
      args: {
        contact: t.arg.id({ required: true, description: 'externalId of the contact.' }),
        provider: t.arg.id({ required: true, description: 'Key of the provider.' }),
        deviceTokens: t.arg.stringList({
          description:
            'All device tokens, at most 1,000; for a browser, its subscription as a JSON string. They replace the previous ones.',
        }),
        webhookUrl: t.arg.string({
          description:
            'URL that messages are posted to: an incoming webhook of the chat service, or your own endpoint. Given as it is shown, it is not changed.',
        }),
        channelName: t.arg.string({ description: 'Channel of the chat service, if its webhook can post to several.' }),
      },
      resolve: async (query, _root, { contact, provider, ...input }, context) => {
        const project = projectOf(context)
        const key = await context.carillon.contacts.keyOf(project.id, contact)
        await context.carillon.credentials.set(key, provider, input)
        return context.carillon.contacts.withId(key, query)
      },
    }),
  }))
}
