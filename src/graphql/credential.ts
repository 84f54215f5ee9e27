/** Credentials of contacts. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { Enums } from './enums.ts'

/** Adds them. */
export function defineCredentials(builder: Builder, { Channel }: Pick<Enums, 'Channel'>) {
  const Credential = builder.prismaObject('Credential', {
    description: 'How a contact is reached through one provider.',
    select: { provider: { select: { key: true, channel: true } } },
    fields: (t) => ({
      provider: t.id({ description: 'Key of the provider.', resolve: ({ provider }) => provider.key }),
      channel: t.field({ type: Channel, description: 'Its channel.', resolve: ({ provider }) => provider.channel }),
      deviceTokens: t.exposeStringList('deviceTokens', {
        description: 'Devices, for push; of a browser, its subscription as JSON text.',
      }),
      webhookUrl: t.exposeString('webhookUrl', {
        nullable: true,
        description: 'Where messages are posted, for chat and webhooks.',
      }),
      channelName: t.exposeString('channelName', {
        nullable: true,
        description: "The chat service's own channel, where its webhook lets one choose.",
      }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    }),
  })
  builder.prismaObjectField('Contact', 'credentials', (t) =>
    t.relation('credentials', {
      type: Credential,
      description: 'How it is reached through providers that need more than its fields.',
      query: { orderBy: { providerId: 'asc' } },
    }),
  )
  builder.mutationFields((t) => ({
    setCredentials: t.prismaField({
      type: 'Contact',
      description:
        'Sets how a contact is reached through a provider of push, chat or webhooks. What is left out stays; null or an empty list removes. ' +
        'A device that its vendor calls dead is forgotten by itself. Errors: CONTACT_NOT_FOUND, NOT_FOUND, CHANNEL_UNSUPPORTED, ' +
        'ADDRESS_INVALID, BATCH_TOO_LARGE, BAD_INPUT.',
      args: {
        contact: t.arg.id({ required: true, description: 'externalId of the contact.' }),
        provider: t.arg.id({ required: true, description: 'Key of the provider.' }),
        deviceTokens: t.arg.stringList({
          description:
            'All of its devices, at most 1,000; of a browser, its subscription as JSON text. They replace those that were there.',
        }),
        webhookUrl: t.arg.string({
          description: "Where messages are posted: the chat service's incoming webhook, or your own address.",
        }),
        channelName: t.arg.string({ description: 'A channel of the chat service, where its webhook lets one choose.' }),
      },
      resolve: async (query, _root, { contact, provider, ...input }, context) => {
        const project = projectOf(context)
        const key = await context.domain.contacts.keyOf(project.id, contact)
        await context.domain.credentials.set(key, provider, input)
        return context.domain.prisma.contact.findUniqueOrThrow({
          ...query,
          where: { projectId_id: { projectId: key.projectId, id: key.contactId } },
        })
      },
    }),
  }))
}
