/** Novu's routes of preferences: what subscribers want to be told, and where. */
import { z } from 'zod'
import type { PreferenceList } from '../domain/preference.ts'
import { CarillonError } from '../errors.ts'
import type { Channel } from '../words.ts'
import { type Call, projectOf, type Route } from './dialect.ts'
import { shownTemplate, template } from './novu-template.ts'
import { type ChannelName, channelNameOf, channelNames, channelsNamed, optionalFlag, wrapped } from './novu-values.ts'
import { defineRoute } from './route.ts'

const params = { subscriberId: 'Your own id of the subscriber.' }

const preference = z.object({
  enabled: z.boolean(),
  channels: z.partialRecord(z.enum(channelNames), z.boolean()).meta({ description: 'Of those that the template has.' }),
})
type Preference = z.input<typeof preference>
const ofTemplate = z.object({ template, preference })
const ofAll = z.object({ preference })
const channelChoice = z.object({ type: z.enum(channelNames), enabled: z.boolean() })

interface Choice {
  readonly channel: Channel
  readonly enabled: boolean
}

/** The choices of the channels that a channel of Novu's stands for. */
const choicesFor = ({ type, enabled }: z.output<typeof channelChoice>): Choice[] =>
  channelsNamed(type).map((channel) => ({ channel, enabled }))

/** By Novu's channels: one that stands for several is wanted if any of them is. */
function choicesOf(choices: readonly Choice[]): Preference['channels'] {
  const named: Partial<Record<ChannelName, boolean>> = {}
  for (const { channel, enabled } of choices) {
    const name = channelNameOf[channel]
    named[name] = enabled || named[name] === true
  }
  return named
}

const globalOf = ({ channels }: PreferenceList): Preference => ({
  enabled: channels.some((one) => one.enabled),
  channels: choicesOf(channels),
})

async function templatesOf(call: Call, { templates }: PreferenceList) {
  const found = await call.carillon.templates.withIds(
    projectOf(call).id,
    templates.map((one) => one.templateId),
  )
  const byId = new Map(found.map((one) => [one.id, one]))
  return templates.flatMap(({ templateId, enabled, channels }) => {
    const one = byId.get(templateId)
    return one === undefined ? [] : [{ template: shownTemplate(one), preference: { enabled, channels: choicesOf(channels) } }]
  })
}

const keyOf = (call: Call, subscriberId: string) => call.carillon.contacts.keyOf(projectOf(call).id, subscriberId)

async function listed(call: Call, subscriberId: string): Promise<PreferenceList> {
  return call.carillon.preferences.list(await keyOf(call, subscriberId), false)
}

const query = z.object({ includeInactiveChannels: optionalFlag })

const list = defineRoute({
  method: 'GET',
  path: '/v1/subscribers/:subscriberId/preferences',
  operation: 'preferences',
  summary: 'The preferences of a subscriber: one for each active template.',
  params,
  query,
  answers: { 200: { description: 'They.', schema: wrapped(z.array(ofTemplate)) } },
  handle: async ({ param }, call) => ({
    status: 200,
    body: { data: await templatesOf(call, await listed(call, param('subscriberId'))) },
  }),
})

const listOfLevel = defineRoute({
  method: 'GET',
  path: '/v1/subscribers/:subscriberId/preferences/:parameter',
  operation: 'preferences',
  summary: 'The preferences of a subscriber of one level.',
  params: { ...params, parameter: '`template`: one for each active template; `global`: the one for all of them.' },
  query,
  answers: { 200: { description: 'They.', schema: wrapped(z.array(z.union([ofTemplate, ofAll]))) } },
  async handle({ param }, call) {
    const level = param('parameter')
    if (level !== 'template' && level !== 'global')
      throw new CarillonError('BAD_INPUT', { field: 'parameter', message: 'parameter: must be one of template, global.' })
    const preferences = await listed(call, param('subscriberId'))
    const data = level === 'template' ? await templatesOf(call, preferences) : [{ preference: globalOf(preferences) }]
    return { status: 200, body: { data } }
  },
})

const update = defineRoute({
  method: 'PATCH',
  path: '/v1/subscribers/:subscriberId/preferences/:parameter',
  operation: 'setPreference',
  summary: 'Sets whether a subscriber wants a template, or wants it on a channel. Takes a key with the scopes SEND and READ.',
  params: { ...params, parameter: 'Key of the template, which is its `_id` in answers.' },
  body: z
    .object({ channel: channelChoice.nullish(), enabled: z.boolean().nullish() })
    .refine(({ channel, enabled }) => (channel ?? enabled ?? null) !== null, { error: 'must have channel or enabled' }),
  answers: { 200: { description: 'The preference as it is now.', schema: wrapped(ofTemplate) } },
  example: {
    parameters: { subscriberId: '42', parameter: 'order-shipped' },
    body: { channel: { type: 'email', enabled: false } },
  },
  async handle({ param, body: { channel, enabled } }, call) {
    call.permit('preferences')
    const { templates, preferences } = call.carillon
    const key = await keyOf(call, param('subscriberId'))
    const name = param('parameter')
    const found = await templates.find(key.projectId, name)
    if (found === null) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'parameter' })
    // Only active ones are listed, and so can be answered.
    if (!found.active) throw new CarillonError('TEMPLATE_INACTIVE', { field: 'parameter' })
    const whole = enabled === null || enabled === undefined ? [] : [{ channel: null, enabled }]
    const changes = [...whole, ...(channel === null || channel === undefined ? [] : choicesFor(channel))]
    const now = await templatesOf(call, await preferences.setSeveral(key, name, changes))
    const own = now.find((one) => one.template._id === found.key)
    if (own === undefined) throw new CarillonError('TEMPLATE_NOT_FOUND', { field: 'parameter' })
    return { status: 200, body: { data: own } }
  },
})

const updateGlobal = defineRoute({
  method: 'PATCH',
  path: '/v1/subscribers/:subscriberId/preferences',
  operation: 'setPreference',
  summary: 'Sets which channels a subscriber wants, for all templates. Takes a key with the scopes SEND and READ.',
  params,
  body: z
    .object({ enabled: z.boolean().nullish(), preferences: z.array(channelChoice).max(channelNames.length).nullish() })
    .refine(({ preferences, enabled }) => (preferences ?? enabled ?? null) !== null, {
      error: 'must have preferences or enabled',
    }),
  answers: { 200: { description: 'The preference as it is now.', schema: wrapped(ofAll) } },
  example: {
    parameters: { subscriberId: '42' },
    body: { preferences: [{ type: 'sms', enabled: false }] },
    answer: {
      data: { preference: { enabled: true, channels: { in_app: true, email: true, sms: false, chat: true, push: true } } },
    },
  },
  async handle({ param, body: { enabled, preferences: choices } }, call) {
    call.permit('preferences')
    const { preferences } = call.carillon
    const key = await keyOf(call, param('subscriberId'))
    const all = enabled === null || enabled === undefined ? [] : channelNames.map((type) => ({ type, enabled }))
    // The last word on a channel counts.
    const changes = [...all, ...(choices ?? [])].flatMap(choicesFor)
    return { status: 200, body: { data: { preference: globalOf(await preferences.setSeveral(key, null, changes)) } } }
  },
})

/** The routes. */
export const novuPreferences: readonly Route[] = [list, listOfLevel, update, updateGlobal]
