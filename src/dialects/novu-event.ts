/** Novu's events: what a request says of one, and what is answered. */
import { z } from 'zod'
import { subscriberInput } from './novu-contact.ts'
import { jsonObject } from './values.ts'

const RECIPIENTS_MAX = 100
const ADDRESSES_MAX = 1_000

const topic = z.object({ type: z.literal('Topic'), topicKey: z.string().min(1) })
const recipient = z.union([z.string().min(1), topic, subscriberInput], {
  error: ({ input }) =>
    input === undefined ? 'subscriber_id_missing' : 'must be a subscriberId, an object with subscriberId, or a topic',
})
export type Recipient = z.output<typeof recipient>

/** Addresses separated by commas, or a list of them. */
const addresses = z
  .union([z.string(), z.array(z.string()).max(ADDRESSES_MAX)])
  .nullish()
  .transform((some) => (Array.isArray(some) ? some.join(', ') : (some ?? undefined)))

/** What replaces the settings of a workflow for one event. */
export const overrides = z
  .looseObject({
    email: z
      .strictObject({
        subject: z.string().nullish(),
        from: z.string().nullish(),
        replyTo: z.string().nullish(),
        cc: addresses,
        bcc: addresses,
      })
      .nullish(),
    sms: z.strictObject({ content: z.string().nullish() }).nullish(),
  })
  .meta({ description: 'Of this event alone. Other names are those of providers: by key, or by kind.' })

/** What events to single recipients and broadcasts have in common. */
export const common = {
  name: z.string().min(1).meta({ description: 'Trigger identifier: the key of the template.' }),
  payload: jsonObject.nullish().meta({ description: 'Variables of the template.' }),
  overrides: overrides.nullish(),
  transactionId: z.string().nullish().meta({ description: 'Left out: one is generated.' }),
  actor: z
    .union([z.string().min(1), subscriberInput], { error: 'must be a subscriberId, or an object with it' })
    .nullish()
    .meta({ description: 'Who caused it; one that does not exist is created.' }),
  tenant: z
    .union([z.string(), jsonObject])
    .nullish()
    .meta({ description: 'There are no tenants here: an event with one is answered `no_tenant_found`.' }),
}
/** An event, as requests have it. */
export const event = z.object({
  ...common,
  to: z
    .union([z.array(recipient).min(1).max(RECIPIENTS_MAX), recipient], {
      error: 'must be a recipient, or a list of at most 100',
    })
    .meta({ description: 'Whom to notify: once, if somebody is named several times.' }),
})
export type Event = z.output<typeof event>

const statuses = [
  'error',
  'trigger_not_active',
  'no_workflow_active_steps_defined',
  'no_workflow_steps_defined',
  'processed',
  'no_tenant_found',
] as const
/** What became of an event. */
export const result = z.object({
  acknowledged: z.boolean(),
  status: z.enum(statuses),
  error: z.array(z.string()).optional().meta({ description: 'Recipients that are not notified, and why.' }),
  transactionId: z.string().optional(),
})
export type Result = z.input<typeof result>
