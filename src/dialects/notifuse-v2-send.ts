/** Notifuse's API of 2016: `messages.send`. */
import { z } from 'zod'
import { byOf, isSilent, unsentChannels } from '../carillon.ts'
import { type Problem, problem } from '../errors.ts'
import type { AcceptedOutcome, RefusedOutcome } from '../send/outcome.ts'
import type { MessageInput } from '../send/send.ts'
import { readMember } from '../values/setting.ts'
import { type Channel, channels } from '../words.ts'
import { type Call, projectOf } from './dialect.ts'
import { messageObject } from './notifuse-v2-message.ts'
import { addsUp, envelope, operations, shownData, textIn, upsertContacts, upsertOf } from './notifuse-v2-values.ts'
import { defineRoute, listOf, type Refused } from './route.ts'
import { isoTime, jsonObjectOfPhp, optionalText, worded } from './values.ts'

const MESSAGES_MAX = 50
/** How far ahead a message can be scheduled. */
const AHEAD_MS = 7 * 24 * 3_600_000
/** What is said of a message that failed after its contact was changed, so that a repeated one would add to the profile again. */
const CHANGED = 'The contact was changed as contactProfile says: repeat the message without it.'

/** The outcome of a message, as far as it is answered. */
type Sent = Pick<RefusedOutcome, 'ok' | 'error'> | AcceptedOutcome

const message = z.object({
  notification: z.string().min(1).meta({ description: 'Key of the template.' }),
  channel: optionalText.meta({ description: 'Key of a provider, or name of a channel; left out: all channels of the template.' }),
  channelOptions: jsonObjectOfPhp.nullish().meta({ description: 'Accepted, and not used.' }),
  template: optionalText.meta({ description: "Accepted, and not used: the content is chosen by the contact's language." }),
  templateData: jsonObjectOfPhp
    .nullish()
    .meta({ description: 'Variables of the template. Those that begin with _ are not shown again.' }),
  contact: z.string().min(1).meta({ description: 'The contact; an unknown one is created.' }),
  contactProfile: operations.nullish(),
  contactCreatedAt: isoTime.nullish(),
  sendAt: isoTime.nullish().meta({ description: 'When to send it, at most 7 days ahead.' }),
})
type Message = z.output<typeof message>

const queued = z.object(messageObject)
const failed = z.object({ notification: z.string().optional(), contact: z.string().optional(), error: z.string() })
type Failed = z.input<typeof failed>
type Queued = z.input<typeof queued>

/** The names of fields that errors speak of. */
const names = { template: 'notification', data: 'templateData', 'contact.externalId': 'contact', externalId: 'contact' }

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
  const { failed: wrong } = await upsertContacts(call, contacts)
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

/** Why nothing is sent of a message that was accepted: a reason for each channel, or the one that they share. */
function silenceOf(outcome: AcceptedOutcome): Problem {
  const silent = unsentChannels(outcome, [])
  const [first = { error: problem('CHANNEL_NOT_CONFIGURED') }] = silent
  if (silent.every(({ error }) => error.message === first.error.message)) return first.error
  const text = silent.map(({ channel, error }) => `${channel.toLowerCase()}: ${error.message}`).join(' ')
  return { ...first.error, message: text, field: null }
}

/** One that failed after its contact was changed. */
function failedAfterChange(one: Message, error: Problem): Failed {
  const failure = failedOf(one, error)
  return addsUp(one.contactProfile) ? { ...failure, error: `${failure.error} ${CHANGED}` } : failure
}

/** What became of a message. One that was accepted, and that is sent on no channel, failed. */
function outcomeOf(one: Message, outcome: Sent, channel: Channel | undefined, call: Call): Failed | Queued {
  if (!outcome.ok) return failedAfterChange(one, outcome.error)
  if (isSilent(outcome)) return failedAfterChange(one, silenceOf(outcome))
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

/**
 * Sends messages whose contacts were changed. That failed as a whole, each of them failed where a repeated call would add to a contact's
 * profile again: clients repeat a call that is answered with an error.
 */
async function sendChanged(messages: readonly Message[], inputs: readonly MessageInput[], call: Call): Promise<readonly Sent[]> {
  if (inputs.length === 0) return []
  try {
    return await call.carillon.send(projectOf(call), inputs, byOf(call.caller, call.remoteAddress))
  } catch (error) {
    if (!messages.some(({ contactProfile }) => addsUp(contactProfile))) throw error
    const failure = call.problemOf(error)
    return messages.map(() => ({ ok: false, error: failure }))
  }
}

/** Sends messages. */
export const messagesSend = defineRoute({
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
  example: {
    body: {
      messages: [
        {
          notification: 'welcome',
          channel: 'email',
          templateData: { plan: 'pro' },
          contact: '123',
          contactProfile: { $set: { firstName: 'Justin' } },
        },
      ],
    },
    answer: {
      statusCode: 200,
      success: true,
      queued: [
        {
          id: '019c3f8e-7d1a-7c21-9f55-3b0a6a1f4e11',
          project: 'my-project',
          notification: 'welcome',
          contact: { id: '123' },
          channel: { id: 'email', key: 'email', kind: 'email' },
          templateData: { plan: 'pro' },
          status: 'queued',
        },
      ],
      failed: [],
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
    const outcomes = await sendChanged(sent, inputs, call)
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
