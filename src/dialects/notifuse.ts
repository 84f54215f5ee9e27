/** Notifuse's REST interfaces: that of its backend API, and the older one, below `/v2`. */
import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { type Dialect, withReference } from './dialect.ts'
import { notifuseV1 } from './notifuse-v1.ts'
import { contactsUpsert } from './notifuse-v2-contacts.ts'
import { messagesInfo, messagesInfoOfPhp } from './notifuse-v2-info.ts'
import { messagesSend } from './notifuse-v2-send.ts'

const error = z
  .object({
    statusCode: z.int().meta({ description: 'The HTTP status.' }),
    error: z.string().meta({ description: 'What the status means.' }),
    message: z.string().meta({ description: 'An explanation in English.' }),
  })
  .meta({ description: 'Why a request was not answered.' })

/** The dialect. */
export const notifuse: Dialect = {
  name: 'notifuse',
  title: 'Notifuse, as Carillon speaks it',
  description:
    "The REST interfaces of Notifuse: a client of theirs calls Carillon with another base address and a project's API key.",
  version: '2',
  security: { projectKey: { type: 'http', scheme: 'bearer', description: "A project's API key, or an access token." } },
  routes: [...notifuseV1, contactsUpsert, messagesSend, messagesInfo, messagesInfoOfPhp],
  failed({ status, message, reference }) {
    const text = withReference(message, reference)
    return { status, body: { statusCode: status, error: STATUS_CODES[status] ?? 'Error', message: text } }
  },
  failures: {
    schema: error,
    statuses: {
      400: 'The body is not valid JSON, is not as it should be, or has too many items; nothing was done.',
      401: 'There is no credential, or a wrong one.',
      403: 'The credential does not permit this.',
      404: 'There is no such path or message.',
      405: 'The path does not have this method. `Allow` lists those that it has.',
      413: 'The body is too large.',
      429: 'Too many requests. `Retry-After` says when to try again.',
      503: 'The server is overloaded. `Retry-After` says when to try again.',
    },
  },
}
