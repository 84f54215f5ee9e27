/** What the columns of a file say of a contact. */
import type { UpsertContactInput } from '../generated/graphql.ts'

/** Fields of a contact that a column may hold. */
const fields = {
  externalId: 'Contact id',
  email: 'E-mail',
  phone: 'Phone',
  firstName: 'First name',
  lastName: 'Last name',
  locale: 'Language',
  timezone: 'Time zone',
  country: 'Country',
  photoUrl: 'Photo URL',
  createdAt: 'Created',
} as const
type FieldName = keyof typeof fields
const isField = (name: string): name is FieldName => Object.hasOwn(fields, name)

/** Names that other systems give these columns, without case, spaces and marks. */
const aliases: Readonly<Record<string, FieldName>> = {
  ...{ id: 'externalId', userid: 'externalId', subscriberid: 'externalId', contactid: 'externalId', customerid: 'externalId' },
  ...{ mail: 'email', emailaddress: 'email', phonenumber: 'phone', mobile: 'phone', telephone: 'phone' },
  ...{ givenname: 'firstName', familyname: 'lastName', surname: 'lastName', language: 'locale', lang: 'locale' },
  ...{ tz: 'timezone', countrycode: 'country', photo: 'photoUrl', avatar: 'photoUrl', created: 'createdAt' },
}

/** What a column is: a field, a property of the profile, several of them as JSON, or nothing. */
export type Target = FieldName | 'text' | 'number' | 'boolean' | 'json' | 'properties' | ''

/** The choices of a column. */
export const targets: readonly (readonly [Target, string])[] = [
  ['', 'Ignore'],
  ...Object.entries(fields).map(([name, label]) => [name as FieldName, label] as const),
  ['text', 'Property: text'],
  ['number', 'Property: number'],
  ['boolean', 'Property: true or false'],
  ['json', 'Property: JSON'],
  ['properties', 'Several properties: a JSON object'],
]

/** What a column seems to be by its name. */
export function targetOf(head: string): Target {
  const name = head.trim()
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  const field = Object.keys(fields).find((one) => one.toLowerCase() === plain)
  if (field !== undefined) return field as FieldName
  if (Object.hasOwn(aliases, plain)) return aliases[plain] ?? ''
  if (plain === 'properties') return 'properties'
  // What the server writes by itself.
  return plain === '' || plain === 'updatedat' ? '' : 'text'
}

/** Whether values that a contact has already are replaced. */
export type Existing = 'FILL_MISSING' | 'OVERWRITE'

/** A column. */
export interface Column {
  readonly head: string
  readonly target: Target
}

class CellError extends Error {}

/** The apostrophe that spreadsheets' exports put before what looks like a formula is not part of the value. */
const valueIn = (cell: string): string => cell.trim().replace(/^'(?=[=+\-@])/, '')

function propertyOf(target: Target, text: string, head: string): unknown {
  if (target === 'number') {
    const number = Number(text)
    if (!Number.isFinite(number)) throw new CellError(`${head}: ${text} is not a number.`)
    return number
  }
  if (target === 'boolean') {
    if (/^(true|yes|y|1)$/i.test(text)) return true
    if (/^(false|no|n|0)$/i.test(text)) return false
    throw new CellError(`${head}: ${text} is neither true nor false.`)
  }
  if (target === 'text') return text
  try {
    return JSON.parse(text)
  } catch {
    throw new CellError(`${head}: is not JSON.`)
  }
}

/** A contact by a row; or why it is none. Empty cells say nothing. */
export function contactOf(
  cells: readonly string[],
  columns: readonly Column[],
  mode: Existing,
): { readonly contact: UpsertContactInput } | { readonly wrong: string } {
  const contact: Record<string, string> = {}
  const properties: Record<string, unknown> = {}
  try {
    if (cells.length > columns.length && cells.slice(columns.length).some((cell) => cell.trim() !== ''))
      throw new CellError(`has ${cells.length} cells, but the head has ${columns.length}.`)
    for (const [index, { head, target }] of columns.entries()) {
      const text = valueIn(cells[index] ?? '')
      if (text === '' || target === '') continue
      if (isField(target)) contact[target] = text
      else {
        const value = propertyOf(target, text, head)
        if (target !== 'properties') properties[head.trim()] = value
        else if (typeof value === 'object' && value !== null && !Array.isArray(value)) Object.assign(properties, value)
        else throw new CellError(`${head}: is not a JSON object.`)
      }
    }
    const { externalId = '', createdAt, ...rest } = contact
    if (externalId === '') throw new CellError('has no contact id.')
    const time = createdAt === undefined ? null : new Date(createdAt)
    if (time !== null && Number.isNaN(time.getTime())) throw new CellError(`Created: ${createdAt} is not a date.`)
    const hasProperties = Object.keys(properties).length > 0
    return {
      contact: {
        ...{ ...rest, externalId, mode },
        ...(time === null ? {} : { createdAt: time.toISOString() }),
        ...(hasProperties ? { profile: mode === 'OVERWRITE' ? { set: properties } : { setMissing: properties } } : {}),
      },
    }
  } catch (error) {
    if (error instanceof CellError) return { wrong: error.message }
    throw error
  }
}
