/** The settings of a provider kind as fields of a form, read from the JSON Schema that the server describes them with. */
import { html, type TemplateResult } from 'lit'
import type { ProviderKindsQuery } from '../generated/graphql.ts'
import { area, check, choice, line } from './form.ts'
import { readObject, writtenJson } from './json.ts'

/** A kind, as the server describes it. */
export type Kind = ProviderKindsQuery['providerKinds'][number]

/** A setting while it is typed. */
export type TypedSetting = string | boolean

/** A setting. */
export interface Setting {
  readonly name: string
  readonly title: string
  readonly hint: string
  readonly type: 'text' | 'password' | 'file' | 'number' | 'boolean' | 'choice' | 'list' | 'object'
  readonly isRequired: boolean
  readonly isAdvanced: boolean
  /** what applies if the setting is left out */
  readonly initial: TypedSetting
  readonly example: string
  readonly options: readonly string[]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A stored value as a form shows it. */
export function typedOf(value: unknown): TypedSetting {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.join(', ')
  return isObject(value) ? writtenJson(value) : String(value)
}

function typeOf(schema: Record<string, unknown>): Setting['type'] {
  if (schema['contentMediaType'] !== undefined) return 'file'
  if (schema['writeOnly'] === true && schema['type'] !== 'object') return 'password'
  if (Array.isArray(schema['enum'])) return 'choice'
  const types = { boolean: 'boolean', integer: 'number', number: 'number', array: 'list', object: 'object' } as const
  return Object.entries(types).find(([name]) => name === schema['type'])?.[1] ?? 'text'
}

/** The settings of a kind, in the order of its schema. */
export function settingsOf({ settings }: Pick<Kind, 'settings'>): readonly Setting[] {
  const required = listOf(settings['required'])
  const properties = isObject(settings['properties']) ? settings['properties'] : {}
  return Object.entries(properties).map(([name, found]) => {
    const schema = isObject(found) ? found : {}
    const type = typeOf(schema)
    return {
      name,
      title: textOf(schema['title']) || name,
      hint: textOf(schema['description']),
      type,
      isRequired: required.includes(name),
      isAdvanced: schema['x-advanced'] === true,
      initial: typedOf(schema['default'] ?? (type === 'boolean' ? false : '')),
      example: String(typedOf(listOf(schema['examples'])[0])),
      options: listOf(schema['enum']).map(String),
    }
  })
}

/** What is wrong with what was typed before the server sees it; null: nothing. */
export function faultOf({ type }: Setting, typed: TypedSetting): string | null {
  if (type !== 'object' || typeof typed === 'boolean') return null
  const read = readObject(typed)
  return read.ok ? null : read.wrong
}

/** What was typed, as the server takes it; undefined: left out, so that the default applies. */
export function inputOf({ type, initial }: Setting, typed: TypedSetting | undefined): unknown {
  if (typed === undefined || typed === '') return undefined
  if (type === 'boolean' || type === 'choice') return typed === initial ? undefined : typed
  const text = String(typed)
  if (type === 'number') return Number(text)
  if (type === 'list') return text.split(/[\s,]+/).filter((one) => one !== '')
  if (type !== 'object') return text
  const read = readObject(text)
  return read.ok ? read.value : undefined
}

/** Draws a setting. */
export function settingField(
  setting: Setting,
  given: TypedSetting | undefined,
  change: (typed: TypedSetting) => void,
): TemplateResult {
  const { name, title, type, isRequired, initial, example, options } = setting
  const id = `setting-${name}`
  if (type === 'boolean') {
    return html`<div class="field">
      ${check(id, title, (given ?? initial) === true, change)}<span class="hint">${setting.hint}</span>
    </div>`
  }
  const isSecret = type === 'password' || type === 'file'
  const value = String(given ?? '')
  const hint = isSecret && value === 'set' ? 'A value is set. Enter a new one to replace it.' : setting.hint
  const field = { id, label: title, hint, isRequired, change }
  if (type === 'choice') {
    const empty = initial === '' ? [['', '–'] as const] : []
    const values = options.map((one) => [one, one === initial ? `${one} (default)` : one] as const)
    return choice({ ...field, value: value === '' ? String(initial) : value, options: [...empty, ...values] })
  }
  if (type === 'file' || type === 'object') {
    return area({ ...field, value, isCode: true, wrong: faultOf(setting, value) })
  }
  const sample = initial === '' ? example : String(initial)
  const placeholder = sample === '' ? {} : { placeholder: sample }
  if (type === 'password') return line({ ...field, ...placeholder, value, type: 'password', autocomplete: 'new-password' })
  return line({ ...field, ...placeholder, value, type: type === 'number' ? 'number' : 'text' })
}
