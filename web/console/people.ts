/** People with a role in the project: who they are, where it comes from, and who may see personal data. */
import { html, type TemplateResult } from 'lit'
import type { PeopleListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { dialog } from './dialog.ts'
import { check, choice, line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { pageOf, pager, table } from './table.ts'
import { when } from './time.ts'

const PeopleList = graphql(`
  query PeopleList($first: Int, $after: String, $last: Int, $before: String) {
    people(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { id email isEmailVerified name hasSignedIn role maskPersonalData sources grantedBy grantedAt lastSeenAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const GiveRole = graphql(`
  mutation GiveRole($person: ID, $email: String, $role: Role!, $maskPersonalData: Boolean!) {
    grantRole(person: $person, email: $email, role: $role, maskPersonalData: $maskPersonalData) { id }
  }
`)

const TakeRole = graphql(`
  mutation TakeRole($person: ID!) { revokeRole(person: $person) { id } }
`)

type Row = PeopleListQuery['people']['nodes'][number]
type RoleName = Row['role']

const roles: readonly (readonly [RoleName, string])[] = [
  ['VIEWER', 'Viewer: read-only access'],
  ['SENDER', 'Sender: read and send'],
  ['EDITOR', 'Editor: read, send and change settings'],
  ['ADMIN', 'Admin: full access, including API keys and people'],
]

/** A role that is about to be granted. */
interface Grant {
  readonly person: string | null
  readonly email: string
  readonly role: RoleName
  readonly maskPersonalData: boolean
}

const titleOf = ({ name, email, id }: Row): string => name ?? email ?? id

export function openPeople(deps: Deps, first: Route): Page {
  const { api, update, say, ask, replace } = deps
  let route = first
  let granting: Grant | null = null
  let wrong: string | null = null
  const list = createLoad(async () => (await api.ask(PeopleList, pageOf(route.query))).people, update)
  const set = (next: Grant | null): void => {
    granting = next
    wrong = null
    update()
  }

  async function give({ person, email, role, maskPersonalData }: Grant): Promise<void> {
    try {
      const who = person === null ? { person: null, email: email.trim() } : { person, email: null }
      await api.ask(GiveRole, { ...who, role, maskPersonalData })
      set(null)
      say('Role granted.')
      await list.run()
    } catch (error) {
      wrong = failureOf(error).message
      update()
    }
  }
  async function take(row: Row): Promise<void> {
    const text = row.sources.includes('CLAIM')
      ? 'The identity provider grants this role: unless you change it there, the next sign-in grants it again.'
      : 'This takes effect immediately, also in open tabs.'
    if (!(await ask({ title: `Revoke the role of ${titleOf(row)}?`, text, action: 'Revoke', isDangerous: true }))) return
    try {
      await api.ask(TakeRole, { person: row.id })
      say('Role revoked.')
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const form = (one: Grant): TemplateResult =>
    dialog({
      title: one.person === null ? 'Grant role' : `Role of ${one.email}`,
      close: () => set(null),
      body: html`<form class="form" @submit=${submit(() => give(one))}>
        ${
          one.person === null
            ? line({
                ...{ id: 'person-email', label: 'E-mail address', type: 'email', value: one.email, isRequired: true, wrong },
                hint: 'Somebody who has not signed in yet gets the role at the first sign-in with this address.',
                change: (email) => set({ ...one, email }),
              })
            : wrong === null
              ? ''
              : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`
        }
        ${choice({
          ...{ id: 'person-role', label: 'Role', value: one.role, options: roles },
          change: (value) => set({ ...one, role: roles.find(([role]) => role === value)?.[0] ?? one.role }),
        })}
        ${check('person-mask', 'Mask personal data (addresses, names, contents)', one.maskPersonalData, (maskPersonalData) =>
          set({ ...one, maskPersonalData }),
        )}
        <div class="buttons end"><button class="primary">Grant</button></div>
      </form>`,
    })

  const rows = (people: readonly Row[]): TemplateResult =>
    people.length === 0
      ? empty('No people yet', 'Grant a role to an e-mail address, or have the identity provider grant roles by a claim.')
      : table<Row>({
          caption: 'People',
          rows: people,
          key: ({ id }) => id,
          columns: [
            {
              head: 'Person',
              cell: (row) => html`${titleOf(row)}<span class="sub"
                    >${row.name === null ? '' : row.email}${row.hasSignedIn && row.email !== null && !row.isEmailVerified ? ' (not verified)' : ''}</span
                  >`,
            },
            {
              head: 'Role',
              class: 'keep',
              cell: ({ role, maskPersonalData }) =>
                html`${badge(role.charAt(0) + role.slice(1).toLowerCase(), role === 'ADMIN' ? 'good' : '')}
                  ${maskPersonalData ? badge('Masked', 'warn') : ''}`,
            },
            {
              head: 'Source',
              class: 'minor',
              cell: ({ sources, grantedBy }) =>
                [
                  ...(sources.includes('CLAIM') ? ['Identity provider'] : []),
                  ...(sources.includes('GRANT') ? [`Granted by ${grantedBy}`] : []),
                ].join(', '),
            },
            {
              head: 'Last seen',
              class: 'minor time',
              cell: ({ hasSignedIn, lastSeenAt }) => (hasSignedIn && lastSeenAt !== null ? when(lastSeenAt) : 'never signed in'),
            },
            {
              head: '',
              class: 'act',
              cell: (row) => {
                const { id, role, maskPersonalData } = row
                const change = (): void => set({ person: id, email: titleOf(row), role, maskPersonalData })
                return html`<button class="small" aria-label="Change ${titleOf(row)}" @click=${change}>Change</button>
                  <button class="small danger" aria-label="Revoke ${titleOf(row)}" @click=${() => void take(row)}>Revoke</button>`
              },
            },
          ],
        })

  void list.run()
  return {
    title: () => 'People',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">People</h1>
        <div class="actions">
          <button class="primary" @click=${() => set({ person: null, email: '', role: 'VIEWER', maskPersonalData: false })}>
            Grant role
          </button>
        </div>
      </div>
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount)}`)}
      </div>
      ${granting === null ? '' : form(granting)}
    `,
    moved(to) {
      route = to
      void list.run()
    },
  }
}
