/** Preferences of contacts, and suppressed addresses. */
import type { Prisma, Template } from '../db/generated/client.ts'
import type { Loading } from '../domain/page.ts'
import type { PreferenceList, TemplatePreference as TemplateChoice } from '../domain/preference.ts'
import { CarillonError } from '../errors.ts'
import { type Channel as ChannelName, type SuppressionReason, suppressionReasons } from '../words.ts'
import { byOf, contactOf, projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import { type createConnections, loadingOfNodes } from './connection.ts'
import type { Context } from './context.ts'
import { type Enums, valuesOf } from './enums.ts'
import { together } from './together.ts'

const reasonTexts = {
  HARD_BOUNCE: 'The mailbox, number or device does not exist.',
  COMPLAINT: 'The recipient complained.',
  UNSUBSCRIBED: 'The recipient unsubscribed; critical templates are still sent.',
  MANUAL: 'Added with `addSuppressions`.',
} satisfies Record<SuppressionReason, string>

type Query = Loading<Prisma.TemplateDefaultArgs>
type FindTemplate = (id: string, query: Query) => Promise<Template>

/** Finds templates one by one, in one statement for all that are asked for in the same moment with the same selection. */
function findTogether(findAll: (ids: readonly string[], query: Query) => Promise<Template[]>): FindTemplate {
  const bySelection = new Map<string, (id: string) => Promise<Template | undefined>>()
  return async (id, query) => {
    const key = JSON.stringify(query)
    const find =
      bySelection.get(key) ??
      together(async (ids) => new Map((await findAll(ids, query)).map((template) => [template.id, template])))
    bySelection.set(key, find)
    const template = await find(id)
    if (template === undefined) throw new CarillonError('TEMPLATE_NOT_FOUND')
    return template
  }
}

/** Defines preferences and suppressions, and their operations. */
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
  const TemplatePreference = builder.objectRef<TemplateChoice & { find: FindTemplate }>('TemplatePreference').implement({
    description: 'Whether a contact wants a template, and on which channels.',
    fields: (t) => ({
      template: t.prismaField({
        type: 'Template',
        description: 'The template. A critical one is sent regardless of preferences.',
        resolve: (query, { templateId, find }) => find(templateId, query),
      }),
      enabled: t.exposeBoolean('enabled', { description: 'Whether it is wanted at all.' }),
      channels: t.field({
        type: [ChannelPreference],
        description: 'Each channel that it has content for, with the preference for the channel as a whole taken into account.',
        resolve: ({ channels }) => [...channels],
      }),
    }),
  })
  const Preferences = builder.objectRef<PreferenceList & { projectId: string }>('Preferences').implement({
    description: 'The preferences of a contact.',
    fields: (t) => ({
      channels: t.field({
        type: [ChannelPreference],
        description: 'Each channel, for all templates.',
        resolve: ({ channels }) => [...channels],
      }),
      templates: t.field({
        type: [TemplatePreference],
        description: 'Each active template, by key, the first 1,000; with a contact token, those that are `inPreferences`.',
        resolve({ templates, projectId }, _args, { carillon }) {
          const find = findTogether((ids, query) => carillon.templates.withIds(projectId, ids, query))
          return templates.map((one) => ({ ...one, find }))
        },
      }),
    }),
  })
  const preferable = new WeakMap<Context, ReturnType<Context['carillon']['preferences']['preferable']>>()
  const contactText = 'externalId of the contact. Left out with a contact token, which has its own.'
  builder.queryFields((t) => ({
    preferences: t.field({
      type: Preferences,
      description: 'The preferences of a contact. Errors: CONTACT_NOT_FOUND.',
      args: { contact: t.arg.id({ description: contactText }) },
      resolve: async (_root, { contact }, context) => {
        const key = await contactOf(context, contact)
        const isOwn = context.caller.kind === 'contact'
        // The same for all contacts: read once for an operation, however many fields ask for it.
        let found = preferable.get(context)
        if (found === undefined) {
          found = context.carillon.preferences.preferable(key.projectId, isOwn)
          preferable.set(context, found)
        }
        return { ...(await context.carillon.preferences.list(key, isOwn, found)), projectId: key.projectId }
      },
    }),
  }))
  builder.mutationFields((t) => ({
    setPreference: t.field({
      type: Preferences,
      description:
        'Allows or refuses a template on a channel, a template on all its channels, or a channel for all templates. A refusal takes precedence, ' +
        'unless the template is allowed on that very channel. Errors: BAD_INPUT, FORBIDDEN (a critical template), TEMPLATE_NOT_FOUND, CONTACT_NOT_FOUND.',
      args: {
        contact: t.arg.id({ description: contactText }),
        template: t.arg.id({ description: 'Key of the template.' }),
        channel: t.arg({ type: Channel, description: 'The channel.' }),
        enabled: t.arg.boolean({ required: true, description: 'Whether it is wanted.' }),
      },
      resolve: async (_root, { contact, template, channel, enabled }, context) => {
        const key = await contactOf(context, contact)
        return {
          ...(await context.carillon.preferences.set(
            key,
            template ?? null,
            channel ?? null,
            enabled,
            context.caller.kind === 'contact',
          )),
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
      id: t.exposeID('id', { description: 'Id on this server.' }),
      channel: t.expose('channel', { type: Channel, description: 'The channel.' }),
      address: t.exposeString('address', {
        description:
          'The address; e-mail addresses in lower case, phone numbers as they are dialled, with + and digits. After the person was erased: `§` and a hash, by which ' +
          'the address is still known when it comes again.',
      }),
      reason: t.field({ type: Reason, description: 'Why.', resolve: ({ reason }) => reason as SuppressionReason }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was suppressed.' }),
    }),
  })
  const SuppressionConnection = connections.of('Suppression', Suppression)
  builder.queryFields((t) => ({
    suppressions: t.field({
      type: SuppressionConnection,
      description:
        'Suppressed addresses, newest first. Errors: BAD_INPUT, BAD_CURSOR; FORBIDDEN for a search where addresses are masked.',
      args: {
        ...connections.args,
        search: t.arg.string({
          description: 'Only addresses that contain this, without regard to case: at most 255 characters.',
        }),
      },
      resolve: (_root, page, context, info) =>
        context.carillon.suppressions.list(projectOf(context).id, page, loadingOfNodes(context, info, 'Suppression')),
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
        'Suppresses up to 1,000 addresses; those that are already suppressed are not changed. Errors: BAD_INPUT, BATCH_TOO_LARGE, ADDRESS_INVALID.',
      args: { suppressions: t.arg({ type: [SuppressionInput], required: true, description: 'The addresses, 1-1,000.' }) },
      resolve: (_root, { suppressions }, context) =>
        context.carillon.suppressions.add(projectOf(context).id, suppressions, byOf(context)),
    }),
    removeSuppression: t.field({
      type: Suppression,
      description: 'Removes a suppression: messages are sent to the address again. Errors: NOT_FOUND.',
      args: { id: t.arg.id({ required: true, description: 'Id of the suppression.' }) },
      resolve: (_root, { id }, context) => context.carillon.suppressions.remove(projectOf(context).id, id, byOf(context)),
    }),
  }))
}
