/** A message of Notifuse's API of 2016, as answers show it. */
import { z } from 'zod'

const statuses = ['scheduled', 'queued', 'sent', 'failed', 'delivered', 'dropped'] as const
/** What a status is called there. */
export type Status = (typeof statuses)[number]
const time = z.iso.datetime()

/** Its fields. */
export const messageObject = {
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
