/** Novu's workflows, as far as they are shown with what uses them. */
import { z } from 'zod'
import type { JsonObject } from '../words.ts'

/** The trigger of a workflow. */
const trigger = z.object({
  type: z.literal('event'),
  identifier: z.string().meta({ description: 'What events name in `name`.' }),
  variables: z.array(z.object({ name: z.string() })).meta({ description: 'Of the schema of its data, if it has one.' }),
})

/** A workflow. */
export const template = z.object({
  _id: z.string().meta({ description: 'Key of the template.' }),
  name: z.string(),
  critical: z.boolean(),
  triggers: z.array(trigger),
})

interface Shown {
  readonly key: string
  readonly name: string
  readonly critical: boolean
  readonly dataSchema: unknown
}

function variablesOf(dataSchema: unknown): { name: string }[] {
  const { properties } = (dataSchema ?? {}) as JsonObject
  return typeof properties === 'object' && properties !== null ? Object.keys(properties).map((name) => ({ name })) : []
}

/** How a template is shown. */
export const shownTemplate = ({ key, name, critical, dataSchema }: Shown): z.input<typeof template> => ({
  _id: key,
  name,
  critical,
  triggers: [{ type: 'event', identifier: key, variables: variablesOf(dataSchema) }],
})
