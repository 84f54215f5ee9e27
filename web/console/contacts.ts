/** The list of contacts, with a search. */
import { html } from 'lit'
import type { ContactListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { createContactForm } from './contact-form.ts'
import { cut } from './cut.ts'
import { exportButton } from './export.ts'
import { openList } from './list-page.ts'
import type { Deps, Page, Question } from './page.ts'
import { href, type Route } from './router.ts'
import type { Column } from './table.ts'
import { counted, when } from './time.ts'

const ContactList = graphql(`
  query ContactList($filter: ContactFilter, $first: Int, $after: String, $last: Int, $before: String) {
    contacts(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { externalId email phone firstName lastName locale isOnline createdAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

/** Erases contacts. */
export const EraseContacts = graphql(`
  mutation EraseContacts($contacts: [ContactSelector!]) { deleteContacts(contacts: $contacts) { deletedCount } }
`)

/** What is asked before that. */
export const eraseQuestion = (ids: readonly string[]): Question => ({
  title: ids.length === 1 ? `Erase ${ids[0]}?` : `Erase ${ids.length} contacts?`,
  text: 'Their profiles, messages and addresses are deleted permanently. This cannot be undone.',
  ...{ action: 'Erase', isDangerous: true },
})

type Row = ContactListQuery['contacts']['nodes'][number]

/** First and last name, or an empty string. */
export const nameOf = ({ firstName, lastName }: Pick<Row, 'firstName' | 'lastName'>): string =>
  [firstName, lastName].filter((part) => (part ?? '') !== '').join(' ')

const columns: readonly Column<Row>[] = [
  {
    head: 'Contact',
    cell: (row) =>
      html`<a class="row" href=${href(['contacts', row.externalId])}>${cut(row.externalId, 32)}</a>
        <span class="sub narrow">${nameOf(row)}</span>`,
  },
  { head: 'Name', class: 'minor', cell: nameOf },
  { head: 'E-mail', cell: ({ email }) => cut(email ?? '–', 40) },
  { head: 'Phone', class: 'minor keep', cell: ({ phone }) => phone ?? '–' },
  { head: 'Language', class: 'minor', cell: ({ locale }) => locale ?? '–' },
  { head: 'Created', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
  { head: '', class: 'keep', cell: ({ isOnline }) => (isOnline ? badge('Online', 'good') : '') },
]

export function openContacts(deps: Deps, first: Route): Page {
  const { api, isMasked, go } = deps
  const form = createContactForm(deps, (externalId) => go(['contacts', externalId]))
  return openList<Row>(deps, first, {
    ...{ title: 'Contacts', caption: 'Contacts', columns, key: ({ externalId }) => externalId },
    searched: isMasked ? null : 'id, name, e-mail address and phone number',
    none: ['No contacts yet', 'Create one here, import a file, call upsertContacts, or send a message to a new externalId.'],
    load: async ({ search, ...page }) =>
      (await api.ask(ContactList, { filter: search === null ? {} : { search }, ...page })).contacts,
    bulk: [
      {
        label: 'Erase',
        needs: 'MANAGE',
        isDangerous: true,
        question: (rows) => eraseQuestion(rows.map(({ externalId }) => externalId)),
        async run(rows) {
          const contacts = rows.map(({ externalId }) => ({ externalId }))
          const { deletedCount } = (await api.ask(EraseContacts, { contacts })).deleteContacts
          return `${counted(deletedCount, 'contact')} erased.`
        },
      },
    ],
    actions: () => html`${exportButton(deps, 'contacts', (query) => {
      const search = query.get('q') ?? ''
      return search === '' ? {} : { search }
    })}
      <a class="button" data-needs="SEND" href=${href(['import-contacts'])}>Import CSV</a>
      <button class="primary" data-needs="SEND" @click=${() => form.open(null)}>New contact</button>`,
    below: () => form.view(),
  })
}
