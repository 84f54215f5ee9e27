/** The columns of contacts, from the one list of their fields. Every column is named like its field, in snake case, and is a text. */
import { byContactField, contactFields } from '../words.ts'

const columnNamed = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const list = (make: (field: string, column: string) => string): string =>
  contactFields.map((field) => make(field, columnNamed(field))).join(', ')

/** The column of each field. */
export const columnOf = byContactField(columnNamed)

/** SQL: the columns, as in `INSERT INTO contact (…)`. */
export const fieldColumns = list((_field, column) => column)
/** SQL: the fields of a record, as in `SELECT … FROM json_to_recordset(…)`. */
export const recordFields = list((field) => `"${field}"`)
/** SQL: the same with their types, as in `AS r (…)`. */
export const recordTypes = list((field) => `"${field}" text`)
/** SQL: the columns of the contact `c`, named like their fields. */
export const selectedFields = list((field, column) => `c.${column} AS "${field}"`)
/** SQL: sets every column to the record's field. */
export const setFields = list((field, column) => `${column} = r."${field}"`)
/** SQL: sets every column that has no value yet to the one that was to be inserted. */
export const fillFields = list((_field, column) => `${column} = COALESCE(c.${column}, EXCLUDED.${column})`)

/** SQL: the columns of the contact `c`, as ContactInfo names them. */
export const contactColumns = `c.id, c.external_id AS "externalId", ${selectedFields}, c.properties, c.preferences`
