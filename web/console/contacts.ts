/** The list of contacts, with a search. */
import { html, type TemplateResult } from 'lit'
import type { ContactListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { cut } from './cut.ts'
import { line, submit } from './form.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createSearch } from './search.ts'
import { type Column, pageOf, pager, table } from './table.ts'
import { when } from './time.ts'

const ContactList = graphql(`
  query ContactList($filter: ContactFilter, $first: Int, $after: String, $last: Int, $before: String) {
    contacts(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { externalId email phone firstName lastName locale isOnline createdAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

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
  const { api, update, replace, isMasked } = deps
  let route = first
  const list = createLoad(async () => {
    const search = route.query.get('q')?.trim() ?? ''
    const { contacts } = await api.ask(ContactList, { filter: search === '' ? {} : { search }, ...pageOf(route.query) })
    return contacts
  }, update)
  const search = createSearch(deps, () => route)
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length > 0
      ? table({ caption: 'Contacts', columns, rows: nodes, key: ({ externalId }) => externalId })
      : search.value() === ''
        ? empty('No contacts yet', 'Contacts are created with upsertContacts, or by sending a message to a new externalId.')
        : empty('No matching contacts', 'The search covers ids, names, e-mail addresses and phone numbers.')

  const searchForm = (): TemplateResult => html`
      <form class="filters" role="search" aria-label="Search contacts" @submit=${submit(search.apply)}>
        ${line({
          id: 'q',
          label: 'Search',
          type: 'search',
          class: 'search',
          placeholder: 'Id, name, e-mail, phone',
          value: search.value(),
          change: search.type,
        })}
      </form>
  `

  void list.run()
  return {
    title: () => 'Contacts',
    view: () => html`
      <div class="head"><h1 tabindex="-1">Contacts</h1></div>
      ${isMasked ? '' : searchForm()}
      <div class="panel" aria-busy=${list.isLoading ? 'true' : 'false'}>
        ${loaded(list, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount)}`)}
      </div>
    `,
    moved(to) {
      route = to
      void list.run()
    },
    close: search.stop,
  }
}
