/** Notifuse's API of 2016: `messages.info`. */
import { z } from 'zod'
import { CarillonError, storedProblem } from '../errors.ts'
import type { JsonObject, MessageStatus } from '../words.ts'
import { projectOf, type Route } from './dialect.ts'
import { messageObject, type Status } from './notifuse-v2-message.ts'
import { envelope, hasSecrets, shownData } from './notifuse-v2-values.ts'
import { defineRoute } from './route.ts'
import { given } from './values.ts'

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

/** The texts that a message was sent with; undefined: there are none yet. */
const textsOf = (one: Readonly<Record<'subject' | 'title' | 'text' | 'body' | 'html', string | null>>) =>
  given({
    subject: one.subject ?? one.title ?? undefined,
    text: one.text ?? one.body ?? undefined,
    html: one.html ?? undefined,
  })

/** A route that tells what became of a message. */
const infoAt = (path: string): Route =>
  defineRoute({
    method: 'GET',
    path,
    operation: 'notification',
    summary: 'One message.',
    query: z.object({ message: z.string().meta({ description: 'Its id, as `messages.send` answered it.' }) }),
    answers: { 200: { description: 'The message.', schema: z.object({ ...envelope, ...messageObject }) } },
    example: {
      parameters: { message: '019c3f8e-7d1a-7c21-9f55-3b0a6a1f4e11' },
      answer: {
        statusCode: 200,
        success: true,
        id: '019c3f8e-7d1a-7c21-9f55-3b0a6a1f4e11',
        project: 'my-project',
        notification: 'welcome',
        template: { id: 'welcome', key: 'welcome' },
        channel: { id: 'mail', key: 'mail', kind: 'email' },
        contact: { id: '123' },
        templateData: { plan: 'pro' },
        compiledTemplates: { subject: 'Welcome, Justin', text: 'Your plan: pro' },
        status: 'sent',
        createdAt: '2026-02-04T22:44:30.652Z',
        sendAt: '2026-02-04T22:44:30.652Z',
        sentAt: '2026-02-04T22:44:31.108Z',
      },
    },
    async handle({ query }, call) {
      const project = projectOf(call)
      const found = await call.carillon.notifications.described(project.id, query.message)
      if (found === null) throw new CarillonError('NOT_FOUND', { message: 'There is no message with this id.' })
      const { template, contact: person, campaign, sendAt, createdAt } = found
      const data = found.data as JsonObject
      // What a credential that only sends may read is what it may have sent.
      const mayRead = call.caller.kind === 'project' && call.caller.scopes.has('read')
      // One that was sent on several channels is told by the first of them on which it was not skipped.
      const first = found.messages.find(({ status }) => status !== 'SKIPPED') ?? found.messages[0]
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
            person === null
              ? undefined
              : { id: person.externalId, timeZone: mayRead ? (person.timezone ?? undefined) : undefined },
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

/** Tells what became of a message. */
export const messagesInfo = infoAt('/v2/messages.info')

/** The same, where the client for PHP asks for it. */
export const messagesInfoOfPhp = infoAt('/v2/messages.send')
