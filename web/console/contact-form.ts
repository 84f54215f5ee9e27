/** The form of a contact: to create one, or to edit it. */
import { html, type TemplateResult } from 'lit'
import type { UpsertContactInput } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { dialog } from './dialog.ts'
import { area, line, submit } from './form.ts'
import { readObject, writtenJson } from './json.ts'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'

const SaveContact = graphql(`
  mutation SaveContact($contact: UpsertContactInput!) {
    upsertContacts(contacts: [$contact]) { inserted updated failed { error { message field } } }
  }
`)
const ContactExists = graphql(`
  query ContactExists($externalId: ID!) { contact(externalId: $externalId) { externalId } }
`)

const fields = [
  ['email', 'E-mail', ''],
  ['phone', 'Phone', 'With + and the calling code'],
  ['firstName', 'First name', ''],
  ['lastName', 'Last name', ''],
  ['locale', 'Language', 'Such as en or pt-BR'],
  ['timezone', 'Time zone', 'Such as Europe/London'],
  ['country', 'Country', 'Two letters, such as GB'],
  ['photoUrl', 'Photo URL', ''],
] as const
type FieldName = (typeof fields)[number][0]

/** A contact as it is stored. */
export type StoredContact = { readonly externalId: string; readonly profile: unknown } & Readonly<
  Record<FieldName, string | null>
>

const own: ReadonlySet<string> = new Set(['id', 'externalId', ...fields.map(([name]) => name)])
/** What of the profile is no field. */
const propertiesOf = (profile: unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries((profile ?? {}) as object).filter(([name]) => !own.has(name)))

/** Creates the dialog. @param saved what to do then */
export function createContactForm(
  { api, update, say, ask }: Pick<Deps, 'api' | 'update' | 'say' | 'ask'>,
  saved: (id: string) => void,
) {
  let before: StoredContact | null = null
  let typed: Record<FieldName | 'externalId' | 'properties', string> | null = null
  let begun = ''
  let wrong: { readonly field: string | null; readonly message: string } | null = null
  let isBusy = false

  function open(contact: StoredContact | null): void {
    before = contact
    const properties = propertiesOf(contact?.profile)
    typed = {
      externalId: contact?.externalId ?? '',
      properties: Object.keys(properties).length === 0 ? '' : writtenJson(properties),
      ...(Object.fromEntries(fields.map(([name]) => [name, contact?.[name] ?? ''])) as Record<FieldName, string>),
    }
    begun = JSON.stringify(typed)
    wrong = null
    update()
  }
  function close(): void {
    typed = null
    update()
  }
  async function mayClose(): Promise<boolean> {
    if (JSON.stringify(typed) === begun) return true
    const text = 'What you have changed is not saved, and will be discarded.'
    return ask({ title: 'Close without saving?', text, action: 'Discard changes', refusal: 'Keep editing', isDangerous: true })
  }
  /** What the form changes: properties that are gone are removed, others are set where they differ. */
  function input(form: NonNullable<typeof typed>, properties: Record<string, unknown>): UpsertContactInput {
    const stored = propertiesOf(before?.profile)
    const changed = Object.entries(properties).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(stored[name]))
    const unset = Object.keys(stored).filter((name) => !Object.hasOwn(properties, name))
    const named = fields.flatMap(([name]) => {
      const value = form[name].trim()
      return value === (before?.[name] ?? '') ? [] : [[name, value === '' ? null : value] as const]
    })
    return {
      ...Object.fromEntries(named),
      ...{ externalId: before?.externalId ?? form.externalId.trim(), mode: 'OVERWRITE' },
      ...(changed.length + unset.length === 0 ? {} : { profile: { set: Object.fromEntries(changed), unset } }),
    }
  }
  async function save(): Promise<void> {
    if (typed === null) return
    const properties = readObject(typed.properties)
    if (!properties.ok) {
      wrong = { field: 'properties', message: properties.wrong }
      return update()
    }
    const contact = input(typed, properties.value ?? {})
    isBusy = true
    wrong = null
    update()
    try {
      const externalId = String(contact.externalId)
      if (before === null && (await api.ask(ContactExists, { externalId })).contact !== null) {
        wrong = { field: 'externalId', message: 'There is a contact with this id already.' }
      } else {
        const [failed] = (await api.ask(SaveContact, { contact })).upsertContacts.failed
        if (failed === undefined) {
          typed = null
          say(before === null ? 'Contact created.' : 'Contact saved.')
          saved(externalId)
        } else wrong = { field: failed.error.field?.replace(/^contact\./, '') ?? null, message: failed.error.message }
      }
    } catch (error) {
      wrong = { field: null, message: failureOf(error).message }
    }
    isBusy = false
    update()
  }

  return {
    open,
    view(): TemplateResult | string {
      if (typed === null) return ''
      const form = typed
      const set = (name: keyof typeof form) => (value: string) => {
        form[name] = value
        update()
      }
      const wrongOf = (name: string): string | null => (wrong?.field === name ? wrong.message : null)
      const isPlaced = wrong !== null && [...own, 'properties'].includes(wrong.field ?? '')
      return dialog({
        title: before === null ? 'New contact' : `Edit ${before.externalId}`,
        ...{ isWide: true, close, mayClose },
        body: html`<form @submit=${submit(save)}>
          ${
            before === null
              ? line({
                  ...{
                    id: 'contact-id',
                    label: 'Contact id',
                    value: form.externalId,
                    isRequired: true,
                    wrong: wrongOf('externalId'),
                  },
                  ...{ hint: 'Your own id of the person', change: set('externalId') },
                })
              : ''
          }
          <div class="pair">
            ${fields.map(([name, label, hint]) =>
              line({
                ...{ id: `contact-${name}`, label, value: form[name], wrong: wrongOf(name), change: set(name) },
                ...(hint === '' ? {} : { hint }),
              }),
            )}
          </div>
          ${area({
            ...{ id: 'contact-properties', label: 'Properties', isCode: true, rows: 5, value: form.properties },
            ...{ hint: 'A JSON object, such as { "plan": "pro" }', wrong: wrongOf('properties'), change: set('properties') },
          })}
          ${wrong === null || isPlaced ? '' : html`<div class="notice bad" role="alert"><p>${wrong.message}</p></div>`}
          <div class="buttons end">
            <button class="primary" ?disabled=${isBusy || (before === null && form.externalId.trim() === '')}>
              ${before === null ? 'Create' : 'Save'}
            </button>
          </div>
        </form>`,
      })
    },
  }
}
