/** Notifuse's API of 2016, as its client libraries speak it: `contacts.upsert`, `messages.send` and `messages.info`. */
import { z } from 'zod'
import { unsentChannels } from '../carillon.ts'
import type { UpsertInput } from '../domain/contact.ts'
import { CarillonError, type Problem, problem, storedProblem } from '../errors.ts'
import type { SendOutcome } from '../send/outcome.ts'
import type { MessageInput } from '../send/send.ts'
import { readMember } from '../values/setting.ts'
import { type Channel, channels, type JsonObject, type MessageStatus } from '../words.ts'
import { type Call, projectOf, type Route } from './dialect.ts'
import { defineRoute, listOf, type Refused } from './route.ts'
import { given, isoTime, jsonObject, optionalText, worded } from './values.ts'

const CONTACTS_MAX = 50
const MESSAGES_MAX = 50
/** How far ahead a message can be scheduled. */
const AHEAD_MS = 7 * 24 * 3_600_000

const operations = z
  .strictObject({
    $set: jsonObject.optional().meta({ description: 'Path → value to set.' }),
    $push: jsonObject.optional().meta({ description: 'Path → value to append to a list.' }),
    $inc: jsonObject.optional().meta({ description: 'Path → number to add.' }),
  })
  .meta({ description: 'Operations on the profile; all of them are applied, or none.' })
type Operations = z.output<typeof operations>

const contact = z.object({
  id: z.string().min(1).meta({ description: 'Your own id.' }),
  profile: operations.nullish(),
  createdAt: isoTime.nullish().meta({ description: 'When it was created; used when the contact is inserted.' }),
})

const message = z.object({
  notification: z.string().min(1).meta({ description: 'Key of the template.' }),
  channel: optionalText.meta({ description: 'Key of a provider, or name of a channel; left out: all channels of the template.' }),
  channelOptions: jsonObject.nullish().meta({ description: 'Accepted, and not used.' }),
  template: optionalText.meta({ description: "Accepted, and not used: the content is chosen by the contact's language." }),
  templateData: jsonObject
    .nullish()
    .meta({ description: 'Variables of the template. Those that begin with _ are not shown again.' }),
  contact: z.string().min(1).meta({ description: 'The contact; an unknown one is created.' }),
  contactProfile: operations.nullish(),
  contactCreatedAt: isoTime.nullish(),
  sendAt: isoTime.nullish().meta({ description: 'When to send it, at most 7 days ahead.' }),
})
type Message = z.output<typeof message>

const statuses = ['scheduled', 'queued', 'sent', 'failed', 'delivered', 'dropped'] as const
type Status = (typeof statuses)[number]
const time = z.iso.datetime()

const messageObject = {
  id: z.string(),
  project: z.string().meta({ description: 'Key of the project.' }),
  notification: z.string().optional(),
  template: z.object({ id: z.string(), key: z.string() }).optional(),
  channel: z.object({ id: z.string(), kind: z.string(), key: z.string() }).optional(),
  contact: z.object({ id: z.string(), timeZone: z.string().optional() }).optional(),
  campaign: z.object({ id: z.string() }).optional(),
  templateData: z.record(z.string(), z.unknown()).meta({ description: 'Without what begins with _.' }),
  compiledTemplates: z
    .object({ subject: z.string().optional(), text: z.string().optional(), html: z.string().optional() })
    .optional()
    .meta({ description: 'What was sent; left out before that, and if the data has something that begins with _.' }),
  status: z.enum(statuses),
  error: z.string().optional(),
  createdAt: time.optional(),
  sendAt: time.optional(),
  sentAt: time.optional(),
  deliveredAt: time.optional(),
}
const envelope = { statusCode: z.literal(200), success: z.boolean() }
const queued = z.object(messageObject)
const failed = z.object({ notification: z.string().optional(), contact: z.string().optional(), error: z.string() })
type Failed = z.input<typeof failed>
type Queued = z.input<typeof queued>

/** The names of fields that errors speak of. */
const names = { template: 'notification', data: 'templateData', 'contact.externalId': 'contact', externalId: 'contact' }

const upsertOf = (
  externalId: string,
  profile: Operations | null | undefined,
  createdAt: Date | null | undefined,
): UpsertInput => ({
  externalId,
  createdAt,
  profile: profile === null || profile === undefined ? null : { set: profile.$set, push: profile.$push, inc: profile.$inc },
})

/** A text that an item has, whatever else is wrong with it. */
function textIn(value: unknown, name: string): string | undefined {
  const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  return typeof text === 'string' ? text : undefined
}

const contactsUpsert = defineRoute({
  method: 'POST',
  path: '/v2/contacts.upsert',
  operation: 'upsertContacts',
  summary: 'Inserts or updates up to 50 contacts.',
  body: z.object({ contacts: listOf(contact, CONTACTS_MAX) }),
  alone: 'contacts',
  answers: {
    200: {
      description: 'Each contact is in one of the lists, once.',
      schema: z.object({
        ...envelope,
        success: z.boolean().meta({ description: 'false: all of them failed.' }),
        inserted: z.array(z.string()),
        updated: z.array(z.string()),
        failed: z
          .array(z.string())
          .meta({ description: 'Ids of contacts that were not changed; of one without an id, an empty text.' }),
        errors: z
          .array(z.object({ id: z.string(), message: z.string() }))
          .optional()
          .meta({ description: 'Why contacts failed; left out if none has.' }),
      }),
    },
  },
  items: ({ body }) => body.contacts.length,
  async handle({ body, refused }, call) {
    const errors = new Map(refused.map(({ value, error }) => [textIn(value, 'id') ?? '', error.message]))
    // One that comes twice is changed by both, or by neither.
    const contacts = body.contacts.filter(({ id }) => !errors.has(id))
    const { inserted, updated, failed } =
      contacts.length === 0
        ? { inserted: [], updated: [], failed: [] }
        : await call.carillon.contacts.upsert(
            projectOf(call).id,
            contacts.map(({ id, profile, createdAt }) => upsertOf(id, profile, createdAt)),
          )
    for (const { externalId, error } of failed) errors.set(externalId, worded(error, { externalId: 'id' }))
    return {
      status: 200,
      body: {
        statusCode: 200,
        success: inserted.length + updated.length > 0,
        inserted,
        updated,
        failed: [...errors.keys()],
        ...(errors.size === 0 ? {} : { errors: [...errors].map(([id, text]) => ({ id, message: text })) }),
      },
    }
  },
})

/** What may be shown of a message's data: not what was marked as secret. */
const shownData = (data: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(data).filter(([name]) => !name.startsWith('_')))

/** Finds the channels that messages name: by a channel's own name, or by the key of a provider. */
async function channelsOf(messages: readonly Message[], call: Call): Promise<ReadonlyMap<string, Channel>> {
  const found = new Map<string, Channel>()
  const keys = new Set<string>()
  for (const { channel } of messages) {
    if (channel === undefined) continue
    const own = readMember(channels, channel)
    if (own === null) keys.add(channel)
    else found.set(channel, own)
  }
  if (keys.size === 0) return found
  for (const { key, channel } of await call.carillon.providers.list(projectOf(call).id)) {
    if (keys.has(key)) found.set(key, channel)
  }
  return found
}

/** Whether a message says something of its contact. */
const changesContact = ({ contactProfile, contactCreatedAt }: Message): boolean =>
  (contactProfile ?? contactCreatedAt ?? null) !== null

/** Applies what messages say of their contacts. @returns why that failed, by contact */
async function upsertContactsOf(messages: readonly Message[], call: Call): Promise<ReadonlyMap<string, Problem>> {
  const contacts = messages
    .filter(changesContact)
    .map(({ contact: id, contactProfile, contactCreatedAt }) => upsertOf(id, contactProfile, contactCreatedAt))
  if (contacts.length === 0) return new Map()
  call.permit('upsertContacts')
  const { failed: wrong } = await call.carillon.contacts.upsert(projectOf(call).id, contacts)
  return new Map(wrong.map(({ externalId, error }) => [externalId, error]))
}

const isAhead = ({ sendAt }: Message, now: Date, byMs = 0): boolean =>
  sendAt !== null && sendAt !== undefined && sendAt.getTime() - now.getTime() > byMs

/** Why a message can't be sent, before it is tried; null: it may be. */
function problemOf(one: Message, known: ReadonlyMap<string, Channel>, now: Date): Problem | null {
  if (isAhead(one, now, AHEAD_MS)) return problem('BAD_INPUT', 'sendAt: is more than 7 days ahead.', 'sendAt')
  return one.channel === undefined || known.has(one.channel)
    ? null
    : problem('BAD_INPUT', 'channel: there is no provider with this key, and no such channel.', 'channel')
}

const inputOf = (
  { notification, contact: externalId, templateData, sendAt }: Message,
  channel: Channel | undefined,
): MessageInput => ({
  template: notification,
  contact: { externalId },
  data: templateData,
  sendAt,
  channels: channel === undefined ? null : [channel],
})

const failedOf = ({ notification, contact: id }: Message, error: Problem): Failed => ({
  notification,
  contact: id,
  error: worded(error, names),
})

const refusedOf = ({ value, error }: Refused): Failed => ({
  notification: textIn(value, 'notification'),
  contact: textIn(value, 'contact'),
  error: error.message,
})

/** What became of a message. One that was accepted, and for whose only channel nothing is sent, failed. */
function outcomeOf(one: Message, outcome: SendOutcome, channel: Channel | undefined, call: Call): Failed | Queued {
  if (!outcome.ok) return failedOf(one, outcome.error)
  const silent = unsentChannels(outcome, []).find((each) => each.channel === channel)
  if (silent !== undefined) return failedOf(one, silent.error)
  const { notification, contact: id, channel: key, templateData, sendAt } = one
  return {
    id: outcome.id,
    project: projectOf(call).key,
    notification,
    contact: { id },
    channel: channel === undefined || key === undefined ? undefined : { id: key, key, kind: channel.toLowerCase() },
    templateData: shownData(templateData ?? {}),
    status: isAhead(one, call.now) ? 'scheduled' : 'queued',
    sendAt: sendAt?.toISOString(),
  }
}

const messagesSend = defineRoute({
  method: 'POST',
  path: '/v2/messages.send',
  operation: 'sendMessages',
  summary: 'Sends up to 50 messages. Contacts are changed first, as their messages say.',
  body: z.object({ messages: listOf(message, MESSAGES_MAX) }),
  alone: 'messages',
  answers: {
    200: {
      description: 'Messages that were accepted, and those that were not.',
      schema: z.object({
        ...envelope,
        success: z.boolean().meta({ description: 'false: none was accepted.' }),
        queued: z.array(queued),
        failed: z.array(failed),
      }),
    },
  },
  items: ({ body }) => body.messages.length,
  async handle({ body: { messages }, refused }, call) {
    const known = await channelsOf(messages, call)
    const channelOf = ({ channel }: Message): Channel | undefined => (channel === undefined ? undefined : known.get(channel))
    const problems = new Map<Message, Problem>()
    for (const one of messages) {
      const wrong = problemOf(one, known, call.now)
      if (wrong !== null) problems.set(one, wrong)
    }
    const wrongContacts = await upsertContactsOf(
      messages.filter((one) => !problems.has(one)),
      call,
    )
    for (const one of messages) {
      const wrong = changesContact(one) ? wrongContacts.get(one.contact) : undefined
      if (wrong !== undefined && !problems.has(one)) problems.set(one, wrong)
    }
    const sent = messages.filter((one) => !problems.has(one))
    const inputs = sent.map((one) => inputOf(one, channelOf(one)))
    const outcomes = inputs.length === 0 ? [] : await call.carillon.send(projectOf(call), inputs)
    const results = sent.flatMap((one, index) => {
      const outcome = outcomes[index]
      return outcome === undefined ? [] : [outcomeOf(one, outcome, channelOf(one), call)]
    })
    const accepted = results.filter((one) => 'status' in one)
    const failures = [
      ...refused.map(refusedOf),
      ...[...problems].map(([one, wrong]) => failedOf(one, wrong)),
      ...results.filter((one) => !('status' in one)),
    ]
    return { status: 200, body: { statusCode: 200, success: accepted.length > 0, queued: accepted, failed: failures } }
  },
})

/** What a status is called there. */
const statusNames = {
  SCHEDULED: 'scheduled',
  QUEUED: 'queued',
  SENDING: 'queued',
  SENT: 'sent',
  DELIVERED: 'delivered',
  FAILED: 'failed',
  SKIPPED: 'dropped',
  CANCELED: 'dropped',
  UNKNOWN: 'failed',
} satisfies Record<MessageStatus, Status>

const hasSecrets = (data: JsonObject): boolean => Object.keys(data).some((name) => name.startsWith('_'))

/** The texts that a message was sent with; undefined: there are none yet. */
const textsOf = (one: Readonly<Record<'subject' | 'title' | 'text' | 'body' | 'html', string | null>>) =>
  given({
    subject: one.subject ?? one.title ?? undefined,
    text: one.text ?? one.body ?? undefined,
    html: one.html ?? undefined,
  })

const messagesInfo = defineRoute({
  method: 'GET',
  path: '/v2/messages.info',
  operation: 'notification',
  summary: 'One message.',
  query: z.object({ message: z.string().meta({ description: 'Its id, as `messages.send` answered it.' }) }),
  answers: { 200: { description: 'The message.', schema: z.object({ ...envelope, ...messageObject }) } },
  async handle({ query }, call) {
    const project = projectOf(call)
    const found = await call.carillon.notifications.described(project.id, query.message)
    if (found === null) throw new CarillonError('NOT_FOUND', { message: 'There is no message with this id.' })
    const { template, contact: person, campaign, sendAt, createdAt } = found
    const data = found.data as JsonObject
    // What a credential that only sends may read is what it may have sent.
    const mayRead = call.caller.kind === 'project' && call.caller.scopes.has('read')
    // One that was sent on several channels is told by the first of them.
    const [first] = found.messages
    const kind = first?.channel.toLowerCase() ?? ''
    const channel = first?.provider?.key ?? kind
    return {
      status: 200,
      body: {
        statusCode: 200,
        success: true,
        id: found.id,
        project: project.key,
        notification: template?.key,
        template: template === null ? undefined : { id: template.key, key: template.key },
        channel: first === undefined ? undefined : { id: channel, key: channel, kind },
        contact:
          person === null ? undefined : { id: person.externalId, timeZone: mayRead ? (person.timezone ?? undefined) : undefined },
        campaign: campaign === null ? undefined : { id: campaign.key },
        templateData: shownData(data),
        compiledTemplates: first === undefined || hasSecrets(data) ? undefined : textsOf(first),
        status: first === undefined ? 'queued' : statusNames[first.status],
        error: first === undefined ? undefined : storedProblem(first)?.message,
        createdAt: createdAt.toISOString(),
        sendAt: (sendAt ?? createdAt).toISOString(),
        sentAt: first?.sentAt?.toISOString(),
        deliveredAt: first?.deliveredAt?.toISOString(),
      },
    }
  },
})

/** The routes. */
export const notifuseV2: readonly Route[] = [contactsUpsert, messagesSend, messagesInfo]
