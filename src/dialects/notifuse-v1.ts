/** Notifuse's backend API, as its dashboard of 2021 documents it: `messages.send` and `users.upsert`. */
import { z } from 'zod'
import { byOf, unsentChannels } from '../carillon.ts'
import type { UpsertInput, UpsertResult } from '../domain/contact.ts'
import type { ErrorCode, Problem } from '../errors.ts'
import type { ChannelProblem, SendOutcome } from '../send/outcome.ts'
import type { MessageInput } from '../send/send.ts'
import type { Channel } from '../words.ts'
import { projectOf, type Route } from './dialect.ts'
import { defineRoute, inOrder, listOf } from './route.ts'
import { given, jsonObjectOfPhp, optionalText, worded } from './values.ts'

const MESSAGES_MAX = 50
const USERS_MAX = 100

/** Addresses separated by commas; commas alone are none. */
const addresses = optionalText.transform((text) => (text === undefined || /^[\s,]*$/.test(text) ? undefined : text))

const message = z.object({
  notificationId: z.string().meta({ description: 'Key of the template.' }),
  userId: z.string().meta({ description: 'The user; an unknown one is created.' }),
  data: jsonObjectOfPhp.nullish().meta({ description: 'Variables of the template.' }),
  id: optionalText.meta({ description: 'Your own id: sent once, whatever happens. Left out: one is generated.' }),
  userEmail: optionalText,
  userTelephone: optionalText,
  userLanguage: optionalText,
  userTimezone: optionalText,
  userFirstName: optionalText,
  userLastName: optionalText,
  userPhotoURL: optionalText,
  userCountry: optionalText,
  incrementId: optionalText.meta({ description: 'Counts up the unread message with this id instead of adding one.' }),
  widgetSettingsOverride: z.object({ iconURL: optionalText }).nullish(),
  emailSettingsOverride: z
    .object({ subject: optionalText, replyTo: addresses, cc: addresses, bcc: addresses })
    .nullish()
    .meta({ description: 'Of this message alone. `replyTo`, `cc` and `bcc`: separated by commas.' }),
})

const user = z.object({
  id: z.string().meta({ description: 'Your own id.' }),
  email: optionalText,
  telephone: optionalText,
  language: optionalText,
  timezone: optionalText,
  firstName: optionalText,
  lastName: optionalText,
  photoURL: optionalText,
  country: optionalText,
})

const result = z.object({
  id: z.string().optional().meta({ description: 'Your own id, or the generated one.' }),
  ok: z.boolean().meta({ description: 'Whether it was accepted. false: nothing of it was stored.' }),
  error: z.string().optional().meta({ description: 'Why it was not; `id/exists`: this id was sent before.' }),
  emailError: z.string().optional().meta({ description: 'Why the e-mail is not sent, as far as known.' }),
  smsError: z.string().optional().meta({ description: 'Why the text message is not sent, as far as known.' }),
})
type Result = z.input<typeof result>

const userResult = z.object({
  id: z.string().optional(),
  ok: z.boolean(),
  created: z.boolean().optional().meta({ description: 'Whether the user was unknown.' }),
  error: z.string().optional(),
})
type UserResult = z.input<typeof userResult>

/** The names of fields that errors speak of. */
const messageNames = {
  template: 'notificationId',
  'contact.externalId': 'userId',
  'contact.email': 'userEmail',
  'contact.phone': 'userTelephone',
  'contact.locale': 'userLanguage',
  'contact.timezone': 'userTimezone',
  'contact.firstName': 'userFirstName',
  'contact.lastName': 'userLastName',
  'contact.photoUrl': 'userPhotoURL',
  'contact.country': 'userCountry',
  'overrides.inApp.iconUrl': 'widgetSettingsOverride.iconURL',
  'overrides.email.subject': 'emailSettingsOverride.subject',
  'overrides.email.replyTo': 'emailSettingsOverride.replyTo',
  'overrides.email.cc': 'emailSettingsOverride.cc',
  'overrides.email.bcc': 'emailSettingsOverride.bcc',
}
const userNames = {
  externalId: 'id',
  'contact.email': 'email',
  'contact.phone': 'telephone',
  'contact.locale': 'language',
  'contact.timezone': 'timezone',
  'contact.firstName': 'firstName',
  'contact.lastName': 'lastName',
  'contact.photoUrl': 'photoURL',
  'contact.country': 'country',
}

/** Errors that have a name there. */
const errorNames: Readonly<Partial<Record<ErrorCode, string>>> = {
  ID_EXISTS: 'id/exists',
  ID_MISMATCH: 'id/exists',
  TEMPLATE_NOT_FOUND: 'notification/not_found',
  TEMPLATE_INACTIVE: 'notification/inactive',
  TEMPLATE_EMPTY: 'template/missing',
}
const nameOf = (error: Problem): string => errorNames[error.code] ?? worded(error, messageNames)

function messageOf(sent: z.output<typeof message>): MessageInput {
  const { widgetSettingsOverride: widget, emailSettingsOverride: email } = sent
  return {
    id: sent.id,
    template: sent.notificationId,
    contact: {
      externalId: sent.userId,
      email: sent.userEmail,
      phone: sent.userTelephone,
      locale: sent.userLanguage,
      timezone: sent.userTimezone,
      firstName: sent.userFirstName,
      lastName: sent.userLastName,
      photoUrl: sent.userPhotoURL,
      country: sent.userCountry,
    },
    data: sent.data,
    incrementId: sent.incrementId,
    overrides: given({ inApp: given({ iconUrl: widget?.iconURL }), email: given({ ...email }) }),
  }
}

const errorOn = (problems: readonly ChannelProblem[], channel: Channel): string | undefined =>
  problems.find((one) => one.channel === channel)?.error.message

function resultOf(outcome: SendOutcome, problems: readonly ChannelProblem[]): Result {
  if (!outcome.ok) return { id: outcome.key ?? undefined, ok: false, error: nameOf(outcome.error) }
  return {
    id: outcome.key ?? outcome.id,
    ok: true,
    emailError: errorOn(problems, 'EMAIL'),
    smsError: errorOn(problems, 'SMS'),
  }
}

/** The id of an item that is not as its schema says, if it has one. */
const idOf = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' && value.id !== ''
    ? value.id
    : undefined

const messagesSend = defineRoute({
  method: 'POST',
  path: '/messages.send',
  operation: 'sendMessages',
  summary: 'Sends up to 50 messages, and waits for what the providers of e-mail and SMS say, 10 seconds at most.',
  body: z.object({ messages: listOf(message, MESSAGES_MAX) }),
  alone: 'messages',
  answers: {
    200: {
      description: 'A result for each message, in the order of the call.',
      schema: z.object({ results: z.array(result) }),
    },
  },
  example: {
    body: {
      messages: [
        {
          notificationId: 'welcome',
          userId: 'xxxx',
          data: {},
          id: 'your-unique-id',
          userEmail: '',
          userTelephone: '+44 123456789',
          userLanguage: 'en',
          userTimezone: 'Europe/London',
          userFirstName: 'John',
          userLastName: 'Doe',
          userPhotoURL: 'https://....jpg',
          userCountry: 'GB',
          incrementId: 'xxxx',
          widgetSettingsOverride: { iconURL: 'https://...' },
          emailSettingsOverride: { subject: 'Hello {{ firstName }}', replyTo: '', cc: ',', bcc: ',' },
        },
      ],
    },
    answer: { results: [{ id: 'your-unique-id', ok: true, emailError: 'The contact has no address for this channel.' }] },
  },
  items: ({ body }) => body.messages.length,
  async handle({ body: { messages }, refused }, call) {
    const { carillon } = call
    const project = projectOf(call)
    const outcomes =
      messages.length === 0 ? [] : await carillon.send(project, messages.map(messageOf), byOf(call.caller, call.remoteAddress))
    const outbound = outcomes.flatMap((one) => (one.ok ? one.outbound : []))
    const sent = await carillon.outcomes(project.id, outbound)
    const results = outcomes.map((outcome) => resultOf(outcome, unsentChannels(outcome, sent)))
    const refuse = (value: unknown, error: string): Result => ({ id: idOf(value), ok: false, error })
    return { status: 200, body: { results: inOrder(refused, ({ value, error }) => refuse(value, error.message), results) } }
  },
})

const contactOf = (given: z.output<typeof user>): UpsertInput => ({
  externalId: given.id,
  email: given.email,
  phone: given.telephone,
  locale: given.language,
  timezone: given.timezone,
  firstName: given.firstName,
  lastName: given.lastName,
  photoUrl: given.photoURL,
  country: given.country,
})

/** A result for each of the users, the same for one that comes twice. */
function userResultsOf(users: readonly { readonly id: string }[], { inserted, failed }: UpsertResult): UserResult[] {
  const errors = new Map(failed.map(({ externalId, error }) => [externalId, worded(error, userNames)]))
  const created = new Set(inserted)
  return users.map(({ id }) => {
    const error = errors.get(id)
    return error === undefined ? { id, ok: true, created: created.has(id) } : { id, ok: false, error }
  })
}

const usersUpsert = defineRoute({
  method: 'POST',
  path: '/users.upsert',
  operation: 'upsertContacts',
  summary: 'Creates up to 100 users, or fills in what is missing of those that exist.',
  body: z.object({ users: listOf(user, USERS_MAX) }),
  alone: 'users',
  answers: {
    200: { description: 'A result for each user, in the order of the call.', schema: z.object({ results: z.array(userResult) }) },
  },
  example: {
    body: {
      users: [
        {
          id: 'your-user-unique-id',
          email: '',
          telephone: '+44 123456789',
          language: 'en',
          timezone: 'Europe/London',
          firstName: 'John',
          lastName: 'Doe',
          photoURL: 'https://....jpg',
          country: 'GB',
        },
      ],
    },
    answer: { results: [{ id: 'your-user-unique-id', ok: true, created: true }] },
  },
  items: ({ body }) => body.users.length,
  async handle({ body: { users }, refused }, call) {
    const upserted: UpsertResult =
      users.length === 0
        ? { inserted: [], updated: [], failed: [] }
        : await call.carillon.contacts.upsert(projectOf(call).id, users.map(contactOf))
    const results = userResultsOf(users, upserted)
    const refuse = (value: unknown, error: string): UserResult => ({ id: idOf(value), ok: false, error })
    return { status: 200, body: { results: inOrder(refused, ({ value, error }) => refuse(value, error.message), results) } }
  },
})

/** The routes. */
export const notifuseV1: readonly Route[] = [messagesSend, usersUpsert]
