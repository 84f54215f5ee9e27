/** Endpoints 1 to 4 of Notifly's API: authentication, events, and users. */
import { z } from 'zod'
import { byOf } from '../carillon.ts'
import { CarillonError } from '../errors.ts'
import type { Route } from './dialect.ts'
import { dataErrors } from './notifly-errors.ts'
import { either, eitherOf, needs, projectFields, projectNamed, userFields } from './notifly-values.ts'
import { defineRoute } from './route.ts'
import { jsonObject, optionalText } from './values.ts'

const USERS_MAX = 1_000
const KEYS_MAX = 1_000

/** One object, or a list of such. */
const oneOrMany = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1, "can't be empty").max(USERS_MAX)], { error: 'must be an object, or a list of objects' })

const listed = <T>(body: T | readonly T[]): readonly T[] => (Array.isArray(body) ? body : [body as T])

/** Runs the operation of a body. The error of one that is no list has no position in it. */
async function runFor<T>(body: T | readonly T[], run: (items: readonly T[]) => Promise<number>): Promise<number> {
  if (Array.isArray(body)) return run(listed(body))
  try {
    return await run(listed(body))
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    const { index: _position, ...details } = error.details
    throw new CarillonError(error.code, { ...details, message: error.message })
  }
}

const answerOf = (description: string, data: z.ZodType) => ({
  200: { description, schema: z.object({ data, error: z.null() }) },
})

const authenticate = defineRoute({
  method: 'POST',
  path: '/authenticate',
  operation: 'authenticate',
  summary: "Exchanges a project's access key and secret key for a token that is valid for an hour.",
  body: z.object({ accessKey: z.string(), secretKey: z.string() }),
  answers: answerOf('The token, which the other endpoints take as it is in `Authorization`.', z.string()),
  ...dataErrors({ names: {}, list: null }, 'Unauthorized'),
  example: {
    body: { accessKey: 'your-access-key', secretKey: 'your-secret-key' },
    answer: { data: 'some-token', error: null },
  },
  async handle({ body: { accessKey, secretKey } }, { carillon, authenticate, remoteAddress }) {
    const { token } = await authenticate(remoteAddress, accessKey, () => carillon.projects.authenticate(accessKey, secretKey))
    return { status: 200, body: { data: token, error: null } }
  },
})

const trackEvent = defineRoute({
  method: 'POST',
  path: '/track-event',
  operation: 'trackEvents',
  summary: 'Stores an event.',
  body: z
    .object({
      ...projectFields,
      ...userFields,
      eventName: z.string(),
      isGlobalEvent: z.boolean().meta({ description: 'Whether it concerns the service as a whole, and no user.' }),
      eventParams: jsonObject.nullish(),
      segmentationEventParamKeys: z
        .array(z.string())
        .max(KEYS_MAX)
        .nullish()
        .meta({ description: 'Parameters that segments can use; left out or empty: all of them.' }),
    })
    .meta(needs('project'))
    .transform((event, context) => ({
      ...event,
      project: eitherOf('project', 'ID', event, context),
      user: either('user', event, context),
    })),
  answers: answerOf('It was stored.', z.string()),
  ...dataErrors({
    list: null,
    names: {
      name: 'eventName',
      contact: 'userID',
      params: 'eventParams',
      segmentationKeys: 'segmentationEventParamKeys',
    },
  }),
  example: {
    body: {
      projectID: 'provided_project_id',
      eventName: 'show_end',
      isGlobalEvent: true,
      eventParams: {},
      segmentationEventParamKeys: [],
      userID: null,
    },
    answer: { data: 'The event was stored.', error: null },
  },
  async handle({ body }, call) {
    const { id } = projectNamed(call, body.project)
    await call.carillon.events.track(id, [
      {
        name: body.eventName,
        // A global event is nobody's: clients send null, or an empty text.
        contact: body.user === '' ? null : body.user,
        isGlobal: body.isGlobalEvent,
        params: body.eventParams,
        segmentationKeys: body.segmentationEventParamKeys,
      },
    ])
    return { status: 200, body: { data: 'The event was stored.', error: null } }
  },
})

const setUserProperties = defineRoute({
  method: 'POST',
  path: '/set-user-properties',
  operation: 'upsertContacts',
  summary: 'Sets properties of up to 1,000 users: those of all, or of none. An unknown user is created.',
  body: oneOrMany(
    z
      .object({
        ...projectFields,
        ...userFields,
        userProperties: jsonObject.meta({
          description: '`$email` and `$phone_number` are what campaigns are delivered to. Properties that are left out are kept.',
        }),
      })
      .meta(needs('project', 'user'))
      .transform((user, context) => ({
        project: eitherOf('project', 'ID', user, context),
        user: eitherOf('user', 'ID', user, context),
        properties: user.userProperties,
      })),
  ),
  answers: answerOf('How many users were changed.', z.int()),
  ...dataErrors({
    list: '',
    names: {
      externalId: 'userID',
      'profile.email': 'userProperties.$email',
      'profile.phone': 'userProperties.$phone_number',
      profile: 'userProperties',
    },
  }),
  example: {
    body: [
      {
        projectID: 'provided_project_id',
        userProperties: { $email: 'user1@example.com', $phone_number: '010-5555-5555' },
        userID: 'some-user-id-1',
      },
      {
        projectID: 'provided_project_id',
        userProperties: { $email: 'user2@example.com', $phone_number: '010-7777-7777' },
        userID: 'some-user-id-2',
      },
    ],
    answer: { data: 2, error: null },
  },
  items: ({ body }) => listed(body).length,
  async handle({ body }, call) {
    const data = await runFor(body, async (users) => {
      const { id } = projectNamed(call, ...users.map(({ project }) => project))
      const inputs = users.map(({ user, properties }) => ({ externalId: user, profile: { set: properties } }))
      const { inserted, updated } = await call.carillon.contacts.upsert(id, inputs, { isWhole: true })
      return inserted.length + updated.length
    })
    return { status: 200, body: { data, error: null } }
  },
})

const deleteUsers = defineRoute({
  method: 'DELETE',
  path: '/users',
  operation: 'deleteContacts',
  summary: 'Deletes up to 1,000 users by id, e-mail address or phone number, and all that is stored of them.',
  body: oneOrMany(
    z
      .object({
        ...projectFields,
        ...userFields,
        userProperties: z
          .strictObject({
            $email: optionalText.meta({ description: 'Compared without case.' }),
            $phone_number: optionalText.meta({ description: 'Compared as it was written.' }),
          })
          .nullish(),
      })
      .meta({ ...needs('project'), description: 'The users who have all that is given of these.' })
      .transform((user, context) => {
        const { $email: email, $phone_number: phone } = user.userProperties ?? {}
        const externalId = either('user', user, context) || undefined
        if (externalId === undefined && email === undefined && phone === undefined) {
          context.addIssue({ code: 'custom', message: 'is needed, or $email or $phone_number', path: ['userID'] })
        }
        return { project: eitherOf('project', 'ID', user, context), selector: { externalId, email, phone } }
      }),
  ),
  answers: answerOf('How many users were deleted.', z.int()),
  ...dataErrors({ list: '', names: { contacts: 'userID' } }),
  example: {
    body: [
      { projectID: 'provided_project_id', userID: 'some-user-id-1' },
      { projectID: 'provided_project_id', userID: 'some-user-id-2' },
    ],
    answer: { data: 2, error: null },
  },
  items: ({ body }) => listed(body).length,
  async handle({ body }, call) {
    const data = await runFor(body, async (users) => {
      const { id } = projectNamed(call, ...users.map(({ project }) => project))
      const selectors = users.map(({ selector }) => selector)
      const by = byOf(call.caller, call.remoteAddress)
      return (await call.carillon.erasure.erase(id, { selectors, addresses: null }, by)).contacts
    })
    return { status: 200, body: { data, error: null } }
  },
})

/** The routes. */
export const notiflyUsers: readonly Route[] = [authenticate, trackEvent, setUserProperties, deleteUsers]
