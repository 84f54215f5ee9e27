/** Preferences and suppressions: what contacts want, and addresses that nothing is sent to. */
import type { Prisma } from '../db/generated/client.ts'
import type { PreferenceList, TemplatePreference as TemplateChoice } from '../domain/preference.ts'
import { type Channel as ChannelName, type SuppressionReason, suppressionReasons } from '../domain/words.ts'
import { contactOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type Connection, type createConnections, pageById, selectionOfNodes } from './connection.ts'
import { type Enums, valuesOf } from './enums.ts'

const reasonTexts = {
  HARD_BOUNCE: 'There is no such mailbox, number or device.',
  COMPLAINT: 'Its owner complained.',
  UNSUBSCRIBED: 'Its owner unsubscribed; critical templates are sent all the same.',
  MANUAL: 'A backend said so.',
} satisfies Record<SuppressionReason, string>

/** Adds them. */
export function definePreferences(
  builder: Builder,
  { Channel }: Pick<Enums, 'Channel'>,
  connections: ReturnType<typeof createConnections>,
) {
  const ChannelPreference = builder.objectRef<{ channel: ChannelName; enabled: boolean }>('ChannelPreference').implement({
    description: 'Whether a contact wants a channel.',
    fields: (t) => ({
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      enabled: t.exposeBoolean('enabled', { description: 'Whether it is wanted.' }),
    }),
  })
  const TemplatePreference = builder.objectRef<TemplateChoice & { projectId: string }>('TemplatePreference').implement({
    description: 'Whether a contact wants a template, and on which channels.',
    fields: (t) => ({
      template: t.prismaField({
        type: 'Template',
        description: 'The template. A critical one is sent whatever is preferred.',
        resolve: (query, { projectId, templateId }, _args, { domain }) =>
          domain.prisma.template.findUniqueOrThrow({ ...query, where: { projectId_id: { projectId, id: templateId } } }),
      }),
      enabled: t.exposeBoolean('enabled', { description: 'Whether it is wanted at all.' }),
      channels: t.field({
        type: [ChannelPreference],
        description: 'Each channel that it has contents for; what was said of the channel as a whole is in it.',
        resolve: ({ channels }) => [...channels],
      }),
    }),
  })
  const Preferences = builder.objectRef<PreferenceList & { projectId: string }>('Preferences').implement({
    description: 'What a contact wants.',
    fields: (t) => ({
      channels: t.field({
        type: [ChannelPreference],
        description: 'Each channel, whatever the template.',
        resolve: ({ channels }) => [...channels],
      }),
      templates: t.field({
        type: [TemplatePreference],
        description: 'Each active template, by key.',
        resolve: ({ templates, projectId }) => templates.map((one) => ({ ...one, projectId })),
      }),
    }),
  })
  const contactText = 'externalId of the contact; left out with a contact token.'
  builder.queryFields((t) => ({
    preferences: t.field({
      type: Preferences,
      description: 'What a contact wants. Errors: CONTACT_NOT_FOUND.',
      args: { contact: t.arg.id({ description: contactText }) },
      resolve: async (_root, { contact }, context) => {
        const key = await contactOf(context, contact)
        return { ...(await context.domain.preferences.list(key)), projectId: key.projectId }
      },
    }),
  }))
  builder.mutationFields((t) => ({
    setPreference: t.field({
      type: Preferences,
      description:
        'Says yes or no to a template on a channel, to a template on all its channels, or to a channel everywhere. Any no wins, unless the ' +
        'pair itself says yes. Errors: BAD_INPUT, FORBIDDEN (a critical template), TEMPLATE_NOT_FOUND, CONTACT_NOT_FOUND.',
      args: {
        contact: t.arg.id({ description: contactText }),
        template: t.arg.id({ description: 'Key of the template.' }),
        channel: t.arg({ type: Channel, description: 'The channel.' }),
        enabled: t.arg.boolean({ required: true, description: 'Whether it is wanted.' }),
      },
      resolve: async (_root, { contact, template, channel, enabled }, context) => {
        const key = await contactOf(context, contact)
        return {
          ...(await context.domain.preferences.set(key, template ?? null, channel ?? null, enabled)),
          projectId: key.projectId,
        }
      },
    }),
  }))

  const Reason = builder.enumType('SuppressionReason', {
    description: 'Why nothing is sent to an address.',
    values: valuesOf(suppressionReasons, reasonTexts),
  })
  const Suppression = builder.prismaObject('Suppression', {
    description: 'An address that nothing is sent to.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      address: t.exposeString('address', { description: 'The address; e-mail in lower case, numbers without separators.' }),
      reason: t.field({ type: Reason, description: 'Why.', resolve: ({ reason }) => reason as SuppressionReason }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Since when.' }),
    }),
  })
  const SuppressionConnection = connections.of('Suppression', Suppression)
  builder.queryFields((t) => ({
    suppressions: t.field({
      type: SuppressionConnection,
      description: 'Suppressed addresses, newest first. Errors: BAD_INPUT, BAD_CURSOR.',
      args: connections.args,
      resolve: (_root, page, context, info): Promise<Connection<Prisma.SuppressionGetPayload<object>>> => {
        const { prisma } = context.domain
        const projectId = projectOf(context).id
        const query = selectionOfNodes<Prisma.SuppressionFindManyArgs>(context, info, 'Suppression')
        return pageById(
          context,
          'suppressions',
          projectId,
          page,
          'newest-first',
          ({ where, ...order }) => prisma.suppression.findMany({ ...query, where: { projectId, ...where }, ...order }),
          () => prisma.suppression.count({ where: { projectId } }),
        )
      },
    }),
  }))
  const SuppressionInput = builder.inputType('SuppressionInput', {
    description: 'An address to suppress.',
    fields: (t) => ({
      channel: t.field({ type: Channel, required: true, description: 'The channel.' }),
      address: t.string({ required: true, description: 'The address.' }),
    }),
  })
  builder.mutationFields((t) => ({
    addSuppressions: t.field({
      type: [Suppression],
      description:
        'Suppresses up to 1,000 addresses; those that are suppressed already stay as they are. Errors: BAD_INPUT, BATCH_TOO_LARGE, ADDRESS_INVALID.',
      args: { suppressions: t.arg({ type: [SuppressionInput], required: true, description: 'The addresses, 1-1,000.' }) },
      resolve: (_root, { suppressions }, context) => context.domain.suppressions.add(projectOf(context).id, suppressions),
    }),
    removeSuppression: t.field({
      type: Suppression,
      description: 'Lets an address be used again. Errors: NOT_FOUND.',
      args: { id: t.arg.id({ required: true, description: 'Id of the suppression.' }) },
      resolve: (_root, { id }, context) => context.domain.suppressions.remove(projectOf(context).id, id),
    }),
  }))
}
