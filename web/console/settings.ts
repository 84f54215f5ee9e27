/** The settings of the project. */
import { html, type TemplateResult } from 'lit'
import type { UpdateProjectInput } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { copyButton } from './copy.ts'
import { area, check, line, submit } from './form.ts'
import { createLoad, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href } from './router.ts'
import { createSource } from './source.ts'
import { count, when } from './time.ts'
import { createUnsaved } from './unsaved.ts'

const ProjectSettings = graphql(`
  query ProjectSettings {
    viewer {
      project {
        id key accessKey name locale timezone retentionDays auditRetentionDays allowedOrigins inboundDomain resendUnknown templateDrafts createdAt
        limits { key project contact contacts }
      }
    }
  }
`)

const SaveProject = graphql(`
  mutation SaveProject($input: UpdateProjectInput!) { updateProject(input: $input) { id } }
`)

const empty = {
  ...{ name: '', locale: '', timezone: '', retentionDays: '', auditRetentionDays: '', allowedOrigins: '', inboundDomain: '' },
  ...{ resendUnknown: false, templateDrafts: false },
}
type Typed = typeof empty
type TextName = { [N in keyof Typed]: Typed[N] extends string ? N : never }[keyof Typed]

/** How long is kept what has no number of days. */
const usual = { retentionDays: 90, auditRetentionDays: 400 } as const
const originsIn = (text: string): string[] => text.split(/[\s,]+/).filter((one) => one !== '')
const budgets = [
  ['project', 'All callers'],
  ['key', 'Each API key'],
  ['contacts', 'All contact tokens'],
  ['contact', 'Each contact token'],
] as const

export function openSettings(deps: Deps): Page {
  const { api, update, say, ask, drafts } = deps
  let stored: Typed = { ...empty }
  /** what was changed: the rest is as it is stored, also where somebody else changes it meanwhile */
  let changed: Partial<Typed> = {}
  let wrong: { readonly field: string | null; readonly message: string } | null = null
  let isBusy = false
  const unsaved = createUnsaved<{ changed: Partial<Typed> }>(
    { read: () => ({ changed }), write: (state) => (changed = { ...state.changed }) },
    update,
    {
      ...{ drafts, name: 'settings', basis: () => 0 },
    },
  )
  const found = createLoad(async () => {
    const { project } = (await api.ask(ProjectSettings, {})).viewer
    if (project === null) throw new Error('This credential has no project.')
    const { name, locale, timezone, retentionDays, auditRetentionDays, allowedOrigins, inboundDomain } = project
    stored = {
      ...{ name, locale, timezone, retentionDays: String(retentionDays), auditRetentionDays: String(auditRetentionDays) },
      ...{ allowedOrigins: allowedOrigins.join('\n'), inboundDomain: inboundDomain ?? '' },
      ...{ resendUnknown: project.resendUnknown, templateDrafts: project.templateDrafts },
    }
    changed = {}
    unsaved.begin()
    return project
  }, update)
  const source = createSource(deps, () =>
    found.value === null ? null : { name: 'project', document: ProjectSettings, variables: {}, value: found.value },
  )
  const set = (change: Partial<Typed>): void => {
    changed = Object.fromEntries(
      Object.entries({ ...changed, ...change }).filter(([name, value]) => value !== stored[name as keyof Typed]),
    )
    unsaved.touched()
    update()
  }

  const typed = (): Typed => ({ ...stored, ...changed })
  function changes(): UpdateProjectInput {
    const text = (name: TextName) => typed()[name].trim()
    const isChanged = (name: keyof Typed): boolean => changed[name] !== undefined
    const days = (name: 'retentionDays' | 'auditRetentionDays') => (text(name) === '' ? null : Number(text(name)))
    return {
      ...(isChanged('name') ? { name: text('name') } : {}),
      ...(isChanged('locale') ? { locale: text('locale') } : {}),
      ...(isChanged('timezone') ? { timezone: text('timezone') } : {}),
      ...(isChanged('retentionDays') ? { retentionDays: days('retentionDays') } : {}),
      ...(isChanged('auditRetentionDays') ? { auditRetentionDays: days('auditRetentionDays') } : {}),
      ...(isChanged('allowedOrigins') ? { allowedOrigins: originsIn(typed().allowedOrigins) } : {}),
      ...(isChanged('inboundDomain') ? { inboundDomain: text('inboundDomain') === '' ? null : text('inboundDomain') } : {}),
      ...(isChanged('resendUnknown') ? { resendUnknown: typed().resendUnknown } : {}),
      ...(isChanged('templateDrafts') ? { templateDrafts: typed().templateDrafts } : {}),
    }
  }
  async function save(): Promise<void> {
    const input = changes()
    // What is older is deleted at the next pruning, and can't be had back.
    const isShorter = (name: keyof typeof usual): boolean =>
      input[name] !== undefined && (input[name] ?? usual[name]) < Number(stored[name])
    if (isShorter('retentionDays') || isShorter('auditRetentionDays')) {
      const text = 'What is older than that will be deleted permanently.'
      if (!(await ask({ title: 'Keep data for a shorter time?', text, action: 'Save', isDangerous: true }))) return
    }
    isBusy = true
    wrong = null
    update()
    try {
      await api.ask(SaveProject, { input })
      unsaved.saved()
      say('Settings saved.')
      await found.run()
    } catch (error) {
      const { field, message } = failureOf(error)
      wrong = { field: field?.replace(/^(input|project)\./, '') ?? null, message }
    }
    isBusy = false
    update()
  }

  const field = (name: TextName, label: string, hint?: string, type: 'text' | 'number' = 'text'): TemplateResult =>
    line({
      ...{
        id: `settings-${name}`,
        label,
        type,
        value: typed()[name],
        isDisabled: isBusy,
        change: (value) => set({ [name]: value }),
      },
      ...{ wrong: wrong?.field === name ? wrong.message : null, ...(hint === undefined ? {} : { hint }) },
    })
  const form = (): TemplateResult => html`
    <form class="panel" aria-label="Settings" @submit=${submit(save)}>
      <div class="body form">
        ${unsaved.notice()}
        ${wrong === null || Object.hasOwn(empty, wrong.field ?? '') ? '' : html`<div class="notice bad" role="alert"><p>${wrong.message}</p></div>`}
        <div class="pair">
          ${field('name', 'Name')} ${field('locale', 'Language', 'Of contacts that have none, such as en')}
          ${field('timezone', 'Time zone', 'Of contacts that have none, such as Europe/London')}
        </div>
        <div class="pair">
          ${field('retentionDays', 'Keep notifications, days', `32 to 3,660; empty: ${usual.retentionDays}`, 'number')}
          ${field('auditRetentionDays', 'Keep the audit log, days', `30 to 3,660; empty: ${usual.auditRetentionDays}`, 'number')}
          ${field('inboundDomain', 'Domain of inbound mail', 'Empty: none is received')}
        </div>
        ${area({
          ...{ id: 'settings-allowedOrigins', label: 'Allowed origins', rows: 3, value: typed().allowedOrigins },
          ...{ hint: 'Of the pages that may use contact tokens, one a line, such as https://example.com; empty: any' },
          ...{ wrong: wrong?.field?.startsWith('allowedOrigins') === true ? wrong.message : null },
          change: (allowedOrigins) => set({ allowedOrigins }),
        })}
        ${check('settings-templateDrafts', 'Templates: changes are drafts until they are published', typed().templateDrafts, (templateDrafts) => set({ templateDrafts }))}
        ${check('settings-resendUnknown', 'SMS and chat: send again where nobody knows whether it was delivered (it may arrive twice)', typed().resendUnknown, (resendUnknown) => set({ resendUnknown }))}
        <div data-needs="MANAGE" class="buttons">
          <button class="primary" ?disabled=${isBusy || !unsaved.isChanged()}>${isBusy ? 'Saving…' : 'Save'}</button>
          ${unsaved.isChanged() ? html`<span class="quiet small">Unsaved changes</span>` : ''}
        </div>
      </div>
    </form>
  `
  const facts = (project: NonNullable<typeof found.value>): TemplateResult => html`
    <section class="panel" aria-label="About the project">
      <header><h2>About the project</h2></header>
      <div class="body">
        <dl class="facts">
          <dt>Key</dt>
          <dd class="mono">${project.key} ${copyButton(say, 'project key', project.key)}</dd>
          <dt>Access key</dt>
          <dd class="mono">${project.accessKey} ${copyButton(say, 'access key', project.accessKey)}</dd>
          <dt>Project id</dt>
          <dd class="mono">${project.id} ${copyButton(say, 'project id', project.id)}</dd>
          <dt>Created</dt>
          <dd>${when(project.createdAt, 'full')}</dd>
          ${budgets.map(([name, label]) => {
            const limit = project.limits[name]
            return html`<dt>Budget: ${label.toLowerCase()}</dt>
              <dd>${limit === null ? "The server's default" : `${count(limit)} units of cost a second`}</dd>`
          })}
        </dl>
        <p class="quiet small">Budgets are set by the operator of the server.</p>
        <div class="buttons" data-needs="KEYS"><a class="button" href=${href(['keys'])}>Rotate the secret key</a></div>
      </div>
    </section>
  `

  void found.run()
  return {
    title: () => 'Project',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Project</h1>
        ${found.value === null ? '' : html`<div class="actions">${source.buttons()}</div>`}
      </div>
      ${loaded(found, (project) => html`${form()}${facts(project)}`)} ${source.view()}
    `,
    isUnsaved: unsaved.isChanged,
    discard: unsaved.discard,
  }
}
