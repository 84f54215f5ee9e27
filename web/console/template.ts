/** A template: its editor, and a live preview. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import { ApiError } from './api.ts'
import { area, check, line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded, refused } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createSource } from './source.ts'
import { createContentForm } from './template-content.ts'
import { type Draft, DraftError, draftOf, inputOf, newDraft } from './template-draft.ts'
import { createPreview } from './template-preview.ts'
import { whenForm } from './template-when.ts'

const OneTemplate = graphql(`
  query OneTemplate($key: ID!) {
    template(key: $key) {
      key name active critical inPreferences feed variables dataSchema delaySeconds
      rules { channel delaySeconds onlyIf }
      digest { windowSeconds key }
      inApp { locale title body iconUrl url primaryAction { label url } secondaryAction { label url } }
      email { locale subject html text from replyTo cc bcc }
      sms { locale type title body }
      push { locale title body imageUrl url data }
      webPush { locale title body imageUrl url data }
      chat { locale body }
      alimtalk { locale templateCode body }
      friendtalk { locale body isAd }
      webhook { locale body }
    }
  }
`)

const SaveTemplate = graphql(`
  mutation SaveTemplate($templates: [TemplateInput!]!) { upsertTemplates(templates: $templates) { key } }
`)

const DeleteTemplate = graphql(`
  mutation DeleteTemplate($keys: [ID!]!) { deleteTemplates(keys: $keys) { deletedCount } }
`)

interface Editor {
  readonly draft: Draft
  readonly content: ReturnType<typeof createContentForm>
  readonly preview: ReturnType<typeof createPreview>
}

/** The route `new-template` is for creating one. */
export function openTemplate(deps: Deps, { path }: Route): Page {
  const { api, update, go, say, ask, project } = deps
  const isNew = path[0] === 'new-template'
  const key = path[1] ?? ''
  let editor: Editor | null = null
  let stored: unknown = null
  const source = createSource(deps, () =>
    stored === null ? null : { name: 'template', document: OneTemplate, variables: { key }, value: stored },
  )
  let mistake: { readonly field: string; readonly message: string } | null = null
  let failure: ApiError | null = null
  let isSaving = false
  let isChanged = false

  function edit(draft: Draft, variables: readonly string[]): Editor {
    const changed = (): void => {
      isChanged = true
      editor?.preview.refresh()
      update()
    }
    // An invalid field shows its error; the preview stays as it was.
    const input = () => {
      try {
        const read = inputOf(draft)
        mistake = null
        return read
      } catch (error) {
        if (!(error instanceof DraftError)) throw error
        mistake = { field: error.field, message: error.message }
        throw Object.assign(new ApiError('BAD_INPUT', error.message, error.field), { cause: error })
      }
    }
    const preview = createPreview(deps, input)
    preview.begin(variables)
    preview.refresh()
    return {
      draft,
      preview,
      content: createContentForm({ draft: () => draft, locale: project.locale, wrong: () => mistake, changed }),
    }
  }

  const found = createLoad(async () => {
    if (isNew) {
      editor ??= edit(newDraft(project.locale), [])
      return { editor }
    }
    const { template } = await api.ask(OneTemplate, { key })
    stored = template
    editor = template === null ? null : edit(draftOf(template), template.variables)
    return { editor }
  }, update)

  async function save({ draft }: Editor): Promise<void> {
    isSaving = true
    failure = null
    update()
    try {
      const { upsertTemplates } = await api.ask(SaveTemplate, { templates: [inputOf(draft)] })
      isChanged = false
      mistake = null
      say('Template saved.')
      if (isNew) go(['templates', upsertTemplates[0]?.key ?? draft.key])
    } catch (error) {
      if (error instanceof DraftError) mistake = { field: error.field, message: error.message }
      failure = error instanceof DraftError ? new ApiError('BAD_INPUT', error.message, error.field) : failureOf(error)
    }
    isSaving = false
    update()
  }

  async function remove(): Promise<void> {
    const text =
      'Messages already sent are kept. Nothing can be sent with it any more, and messages still waiting will not be sent.'
    if (!(await ask({ title: `Delete the template ${key}?`, text, action: 'Delete', isDangerous: true }))) return
    try {
      await api.ask(DeleteTemplate, { keys: [key] })
      say('Template deleted.')
      go(['templates'])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const form = (one: Editor): TemplateResult => {
    const { draft, content, preview } = one
    const set = (change: Partial<Draft>): void => {
      Object.assign(draft, change)
      isChanged = true
      preview.refresh()
      update()
    }
    return html`<div class="columns editor">
      <form class="form" @submit=${submit(() => save(one))}>
        ${failure === null ? '' : refused(failure)}
        <section class="panel" aria-label="Template">
          <div class="body">
            <div class="pair">
              ${isNew ? line({ id: 'key', label: 'Key', hint: 'Identifies it in API calls', value: draft.key, isRequired: true, change: (value) => set({ key: value }) }) : ''}
              ${line({ id: 'name', label: 'Name', value: draft.name, change: (value) => set({ name: value }) })}
              ${line({ id: 'feed', label: 'Feed', value: draft.feed, change: (value) => set({ feed: value }) })}
            </div>
            <div class="choices">
              ${check('active', 'Active', draft.active, (active) => set({ active }))}
              ${check('critical', 'Critical (ignores preferences)', draft.critical, (critical) => set({ critical }))}
              ${check('inPreferences', 'Shown in preferences', draft.inPreferences, (inPreferences) => set({ inPreferences }))}
            </div>
          </div>
        </section>
        <section class="panel" aria-label="Content">${content.view()}</section>
        <section class="panel" aria-label="Delivery">
          <div class="body">
            <details ?open=${draft.rules.length > 0 || draft.digestSeconds !== ''}>
              <summary>Delivery rules</summary>
              <div class="form">${whenForm(draft, mistake, () => set({}))}</div>
            </details>
            <details ?open=${draft.dataSchema !== ''}>
              <summary>Data schema</summary>
              ${area({
                ...{ id: 'dataSchema', label: 'JSON Schema', value: draft.dataSchema, isCode: true, rows: 5 },
                ...{
                  wrong: mistake?.field === 'dataSchema' ? mistake.message : null,
                  hint: 'Messages whose data does not match are rejected with DATA_INVALID',
                },
                change: (value) => set({ dataSchema: value }),
              })}
            </details>
          </div>
        </section>
        <div data-needs="MANAGE" class="buttons">
          <button class="primary" ?disabled=${isSaving}>${isSaving ? 'Saving…' : 'Save'}</button>
          ${isNew ? '' : html`<button type="button" class="danger" @click=${() => void remove()}>Delete</button>`}
          ${isChanged ? html`<span class="quiet small">Unsaved changes</span>` : ''}
        </div>
      </form>
      ${preview.view()}
    </div>`
  }

  void found.run()
  return {
    title: () => (isNew ? 'New template' : key),
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['templates'])}>Templates</a></p>
        <h1 tabindex="-1">${isNew ? 'New template' : key}</h1>
        ${
          isNew || (found.value?.editor ?? null) === null
            ? ''
            : html`<div class="actions">${source.buttons()}<a class="button" href=${href(['activity'], { template: key })}>Activity</a></div>`
        }
      </div>
      ${loaded(found, () => (editor === null ? html`<div class="panel">${empty('Template not found', html`It may have been deleted. Go to <a href=${href(['templates'])}>Templates</a>.`)}</div>` : form(editor)))}
      ${source.view()}
    `,
    close: () => editor?.preview.stop(),
  }
}
