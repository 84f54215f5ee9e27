/** The projects of the server, for its operator: suspend, resume, delete, recover. */
import { html, type TemplateResult } from 'lit'
import type { ProjectListQuery, ProjectStatus } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { dialog } from './dialog.ts'
import { check, line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { createSearch } from './search.ts'
import { pageOf, pager, table } from './table.ts'
import { count, when } from './time.ts'

const ProjectList = graphql(`
  query ProjectList($first: Int, $after: String, $last: Int, $before: String, $search: String) {
    operatorProjects(first: $first, after: $after, last: $last, before: $before, search: $search) {
      totalCount
      nodes {
        id key name status createdAt suspendedReason apiKeyCount lastUsedAt
        deletion { beginsAt beganAt rowCount }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const Suspend = graphql(`
  mutation Suspend($project: ID!, $reason: String) { suspendProject(project: $project, reason: $reason) { id } }
`)

const Resume = graphql(`
  mutation Resume($project: ID!) { resumeProject(project: $project) { id } }
`)

const Delete = graphql(`
  mutation Delete($project: ID!, $confirm: ID!, $afterHours: Int!) {
    deleteProject(project: $project, confirm: $confirm, afterHours: $afterHours) { id }
  }
`)

const Recover = graphql(`
  mutation Recover($project: ID!, $revokeKeys: Boolean!) {
    recoverProject(project: $project, revokeKeys: $revokeKeys) { secret revokedKeys { name } }
  }
`)

type Row = ProjectListQuery['operatorProjects']['nodes'][number]
/** What is being done with a project, as far as its dialog is filled in. */
type Doing =
  | { readonly what: 'suspend'; readonly row: Row; readonly reason: string }
  | { readonly what: 'delete'; readonly row: Row; readonly confirm: string; readonly hours: string }
  | { readonly what: 'recover'; readonly row: Row; readonly revokeKeys: boolean; readonly secret: string | null }

const badges = {
  ACTIVE: badge('Active', 'good'),
  SUSPENDED: badge('Suspended', 'warn'),
  DELETING: badge('Deleting', 'bad'),
} satisfies Record<ProjectStatus, TemplateResult>

const RELOAD_MS = 2_000

export function openProjects({ api, update, replace, say }: Deps, first: Route): Page {
  let route = first
  let doing: Doing | null = null
  let timer: ReturnType<typeof setTimeout> | null = null
  const search = createSearch({ replace, update }, () => route)
  const list = createLoad(async () => {
    const { operatorProjects } = await api.ask(ProjectList, { ...pageOf(route.query), search: route.query.get('q') })
    // While something is being deleted, the page shows how far that is.
    if (timer !== null) clearTimeout(timer)
    const isMoving = operatorProjects.nodes.some(({ deletion }) => Date.parse(deletion?.beginsAt ?? '') <= Date.now())
    timer = isMoving ? setTimeout(() => void list.run(), RELOAD_MS) : null
    return operatorProjects
  }, update)
  const set = (next: Doing | null): void => {
    doing = next
    update()
  }
  /** Runs an action, says what was done, and loads the list again. @returns whether it worked */
  async function act(action: () => Promise<unknown>, done: string): Promise<boolean> {
    try {
      await action()
      say(done)
      await list.run()
      return true
    } catch (error) {
      say(failureOf(error).message, 'bad')
      return false
    }
  }
  const suspend = async ({ row, reason }: Extract<Doing, { what: 'suspend' }>): Promise<void> => {
    const variables = { project: row.id, reason: reason.trim() === '' ? null : reason.trim() }
    if (await act(() => api.ask(Suspend, variables), `${row.name} suspended.`)) set(null)
  }
  const remove = async ({ row, confirm, hours }: Extract<Doing, { what: 'delete' }>): Promise<void> => {
    const variables = { project: row.id, confirm: confirm.trim(), afterHours: Number(hours) }
    if (await act(() => api.ask(Delete, variables), `${row.name} will be deleted.`)) set(null)
  }
  const recover = async (one: Extract<Doing, { what: 'recover' }>): Promise<void> => {
    await act(async () => {
      const { recoverProject } = await api.ask(Recover, { project: one.row.id, revokeKeys: one.revokeKeys })
      set({ ...one, secret: recoverProject.secret })
    }, `${one.row.name} has a new API key.`)
  }

  function form(one: Doing): TemplateResult {
    const close = (): void => set(null)
    const buttons = (action: string, isDangerous: boolean, isDisabled = false): TemplateResult => html`<div class="buttons end">
      <button type="button" @click=${close}>Cancel</button>
      <button class="primary ${isDangerous ? 'danger' : ''}" ?disabled=${isDisabled}>${action}</button>
    </div>`
    if (one.what === 'suspend') {
      return dialog({
        title: `Suspend ${one.row.name}?`,
        close,
        body: html`<p>Its keys and tokens are rejected, and nothing is sent. Accepted messages wait until you resume the project.</p>
          <form @submit=${submit(() => suspend(one))}>
            ${line({ id: 'reason', label: 'Reason', hint: 'Included in the error that API calls get', value: one.reason, change: (reason) => set({ ...one, reason }) })}
            ${buttons('Suspend', true)}
          </form>`,
      })
    }
    if (one.what === 'delete') {
      return dialog({
        title: `Delete ${one.row.name}?`,
        close,
        body: html`<p>
            All of its data is erased: contacts, templates, notifications, statistics. Its keys are rejected immediately. Once erasing has
            begun, this cannot be undone.
          </p>
          <form @submit=${submit(() => remove(one))}>
            ${line({
              ...{ id: 'confirm', label: `Type ${one.row.key} to confirm`, value: one.confirm, isRequired: true },
              change: (confirm) => set({ ...one, confirm }),
            })}
            ${line({
              ...{ id: 'hours', label: 'Erase after (hours)', type: 'number', value: one.hours },
              hint: 'Until then, Recover undoes the deletion.',
              change: (hours) => set({ ...one, hours }),
            })}
            ${buttons('Delete', true, one.confirm.trim() !== one.row.key)}
          </form>`,
      })
    }
    const { secret } = one
    return dialog({
      title: `Recover ${one.row.name}`,
      close,
      body:
        secret === null
          ? html`<p>Creates an API key with all scopes, for owners who have lost theirs. A pending deletion is undone.</p>
              <form @submit=${submit(() => recover(one))}>
                ${check('revoke', 'Revoke all existing API keys', one.revokeKeys, (revokeKeys) => set({ ...one, revokeKeys }))}
                ${buttons('Create key', false)}
              </form>`
          : html`<p>Copy this key now, and give it to the owner. It will not be shown again.</p>
              <p class="secret">${secret}</p>
              <div class="buttons end"><button class="primary" @click=${close}>Done</button></div>`,
    })
  }

  const button = (label: string, { name }: Row, isDangerous: boolean, action: () => void): TemplateResult =>
    html`<button class="small ${isDangerous ? 'danger' : ''}" aria-label="${label} ${name}" @click=${action}>${label}</button>`
  const actions = (row: Row): TemplateResult => html`<div class="buttons end">
    ${row.status === 'ACTIVE' ? button('Suspend', row, false, () => set({ what: 'suspend', row, reason: '' })) : ''}
    ${
      row.status === 'SUSPENDED'
        ? button('Resume', row, false, () => void act(() => api.ask(Resume, { project: row.id }), `${row.name} resumed.`))
        : ''
    }
    ${
      (row.deletion?.beganAt ?? null) === null
        ? button('Recover', row, false, () => set({ what: 'recover', row, revokeKeys: false, secret: null }))
        : ''
    }
    ${row.status === 'DELETING' ? '' : button('Delete', row, true, () => set({ what: 'delete', row, confirm: '', hours: '24' }))}
  </div>`
  const state = ({ status, suspendedReason, deletion }: Row): TemplateResult => {
    const note =
      deletion === null || deletion === undefined
        ? (suspendedReason ?? '')
        : (deletion.beganAt ?? null) === null
          ? html`erasing starts ${when(deletion.beginsAt)}`
          : `${count(deletion.rowCount)} rows erased`
    return html`${badges[status]}<span class="sub">${note}</span>`
  }
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty('No projects', 'Create one with createProject.')
      : table<Row>({
          caption: 'Projects',
          rows: nodes,
          key: ({ id }) => id,
          columns: [
            { head: 'Project', cell: ({ name, key }) => html`${name}<span class="sub mono">${key}</span>` },
            { head: 'Status', cell: state },
            { head: 'Keys', class: 'number minor', cell: ({ apiKeyCount }) => count(apiKeyCount) },
            {
              head: 'Last used',
              class: 'minor time',
              cell: ({ lastUsedAt }) => ((lastUsedAt ?? null) === null ? 'never' : when(lastUsedAt)),
            },
            { head: 'Created', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
            { head: '', class: 'act', cell: actions },
          ],
        })
  void list.run()
  return {
    title: () => 'Projects',
    view: () => html`
      <div class="head"><h1 tabindex="-1">Projects</h1></div>
      <form class="filters" role="search" @submit=${submit(search.apply)}>
        ${line({ id: 'search', label: 'Search', type: 'search', placeholder: 'Key or name', value: search.value(), change: search.type })}
      </form>
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount)}`)}
      </div>
      ${doing === null ? '' : form(doing)}
    `,
    moved(to) {
      route = to
      void list.run()
    },
    close() {
      search.stop()
      if (timer !== null) clearTimeout(timer)
    },
  }
}
