/** The settings of a kind as `providerKinds` describes them. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { describeKinds } from '../../src/channels/registry.ts'
import type { Json } from '../../src/words.ts'

/** A setting in its schema. */
export interface SettingSchema {
  readonly title?: string
  readonly description?: string
  readonly default?: Json
  readonly writeOnly?: boolean
}

/** The JSON Schema of a kind's settings. */
export function schemaOf(kind: string): Record<string, unknown> & { readonly properties: Record<string, SettingSchema> } {
  const found = describeKinds().find((one) => one.kind === kind)
  if (found === undefined) throw new Error(`There is no kind ${kind}.`)
  return JSON.parse(JSON.stringify(found.settings))
}

/** Whether settings are what the JSON Schema of their kind describes. */
export function checkSettings(kind: string, settings: Json): boolean {
  const ajv = new Ajv2020({ strict: true, allErrors: true, keywords: ['x-advanced'], strictRequired: false })
  formats.default(ajv)
  return ajv.validate(schemaOf(kind), settings)
}
