/** A template: its editor, and a live preview. */
import { html, type TemplateResult } from 'lit'
import type { OneTemplateQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { ApiError } from './api.ts'
import { badge } from './badge.ts'
import { createCodeFields } from './code.ts'
import { submit } from './form.ts'
import { createLoad, empty, failureOf, loaded, refused } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createSource } from './source.ts'
import { type Conflict, conflictView } from './template-conflict.ts'
import { createContentForm } from './template-content.ts'
import type { Sample } from './template-data.ts'
import { type Draft, DraftError, draftOf, inputOf, newDraft } from './template-draft.ts'
import { templatePanels } from './template-form.ts'
import { createPreview } from './template-preview.ts'
import { createTemplateTest } from './template-test.ts'
import { createLastData, variableSource } from './template-variables.ts'
import { authorName, createVersions } from './template-versions.ts'
import { createUnsaved, type Unsaved } from './unsaved.ts'

const OneTemplate = graphql(`
  query OneTemplate($key: ID!) {
    template(key: $key) {
      key version latestVersion published
      latest: versions(first: 1) { nodes { createdAt author { kind name email } } }
      name active critical strict inPreferences feed severity variables dataSchema delaySeconds
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
      samples { name data }
      draft {
        name active critical strict inPreferences feed severity variables dataSchema delaySeconds
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
  }
`)

const SaveTemplate = graphql(`
  mutation SaveTemplate($templates: [TemplateInput!]!) {
    upsertTemplates(templates: $templates) { key version latestVersion published }
  }
`)

const PublishTemplate = graphql(`
  mutation PublishDraft($key: ID!, $expectedVersion: Int) {
    publishTemplate(key: $key, expectedVersion: $expectedVersion) { key version latestVersion published }
  }
`)

const DeleteTemplate = graphql(`
  mutation DeleteTemplate($keys: [ID!]!) { deleteTemplates(keys: $keys) { deletedCount } }
`)

/** Which versions there are. */
type Stage = Pick<NonNullable<OneTemplateQuery['template']>, 'version' | 'latestVersion' | 'published'>

interface Editor {
  readonly draft: Draft
  readonly content: ReturnType<typeof createContentForm>
  readonly preview: ReturnType<typeof createPreview>
  readonly unsaved: Unsaved<Draft>
}

const isDraft = ({ version, latestVersion, published }: Stage): boolean => latestVersion > version || !published

/** The route `new-template` is for creating one. */
export function openTemplate(deps: Deps, { path, query }: Route): Page {
  const { api, update, go, say, ask, project, drafts, isMasked } = deps
  const isNew = path[0] === 'new-template'
  const key = path[1] ?? ''
  /** the template that a new one is a copy of */
  const copied = isNew ? query.get('from') : null
  let editor: Editor | null = null
  const lastData = createLastData(deps, isNew ? copied : key)
  const code = createCodeFields(update, () => variableSource(editor?.draft.dataSchema ?? '', editor?.preview ?? null, lastData))
  let whole: OneTemplateQuery['template'] = null
  const source = createSource(deps, () =>
    whole === null ? null : { name: 'template', document: OneTemplate, variables: { key }, value: whole },
  )
  const test = createTemplateTest(deps, {
    key,
    data: () => editor?.preview.data() ?? null,
    isDigest: () => editor?.draft.digestSeconds !== '',
    obstacle() {
      if (editor?.unsaved.isChanged() === true) return 'Save first: a test sends what is saved.'
      return isDraft(stage) ? 'Publish first: a test sends what is published.' : null
    },
  })
  let stage: Stage = { version: 0, latestVersion: 0, published: true }
  /** the version that what is typed is a change of */
  let basis = 0
  let conflict: Conflict | null = null
  let mistake: { readonly field: string; readonly message: string } | null = null
  let failure: ApiError | null = null
  let isSaving = false
  const versions = isNew
    ? null
    : createVersions(deps, key, {
        mayReplace: async () =>
          editor?.unsaved.isChanged() !== true ||
          (await ask({
            title: 'Discard unsaved changes?',
            text: 'What you have changed is not saved, and would be replaced by the version that you restore.',
            action: 'Discard changes',
            refusal: 'Keep editing',
            isDangerous: true,
          })),
        restored() {
          editor?.unsaved.discard()
          editor?.preview.stop()
          void found.run()
        },
      })

  function edit(draft: Draft, variables: readonly string[], samples: readonly Sample[]): Editor {
    const unsaved = createUnsaved<Draft>(
      {
        read: () => draft,
        write(state) {
          Object.assign(draft, state)
          editor?.preview.refresh()
        },
      },
      update,
      { drafts, name: isNew ? 'new-template' : `templates/${key}`, basis: () => basis },
    )
    const changed = (): void => {
      unsaved.touched()
      preview.refresh()
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
    const preview = createPreview(deps, input, { key: isNew ? null : key, code, last: lastData })
    basis = unsaved.begin() ?? basis
    preview.sampled.begin(variables, samples)
    preview.refresh()
    return {
      draft,
      preview,
      unsaved,
      content: createContentForm({
        ...{ draft: () => draft, locale: project.locale, code, changed },
        wrong: () => mistake ?? preview.mistake(),
      }),
    }
  }

  /** The latest version, published or not. */
  async function load(wanted = key) {
    const { template } = await api.ask(OneTemplate, { key: wanted })
    if (template === null) return null
    const { draft, latest } = template
    const shown = draft === null ? template : { ...template, ...draft }
    return { template, samples: template.samples, variables: shown.variables, draft: draftOf(shown), by: latest.nodes[0] ?? null }
  }

  const found = createLoad(async () => {
    if (isNew) {
      const original = copied === null || editor !== null ? null : await load(copied)
      editor ??= edit(newDraft(project.locale), original?.variables ?? [], original?.samples ?? [])
      if (original !== null) {
        Object.assign(editor.draft, original.draft, { key: '', name: `${original.draft.name} (copy)` })
        editor.unsaved.touched()
      }
      return { editor }
    }
    const stored = await load()
    conflict = null
    whole = stored?.template ?? null
    if (stored !== null) {
      stage = stored.template
      basis = stage.latestVersion
    }
    editor = stored === null ? null : edit(stored.draft, stored.variables, stored.samples)
    return { editor }
  }, update)

  /** Somebody else has saved another version meanwhile. */
  async function meet(other: ApiError): Promise<void> {
    if (isNew) {
      failure = new ApiError(other.code, 'There is already a template with this key.', 'key')
      return
    }
    const stored = await load()
    if (stored === null) {
      failure = new ApiError('TEMPLATE_NOT_FOUND', 'The template was deleted meanwhile. Save again to create it.', null)
      basis = 0
      return
    }
    stage = stored.template
    conflict = {
      ...{ theirs: stored.draft, number: stage.latestVersion, at: stored.by?.createdAt ?? null },
      author: authorName(stored.by?.author ?? null),
    }
  }

  async function save({ draft, preview, unsaved }: Editor): Promise<void> {
    if (isSaving) return
    isSaving = true
    failure = null
    update()
    try {
      const input = inputOf(draft)
      // Samples of a stored template are stored when they are changed.
      const samples = isNew && !isMasked ? { samples: [...preview.sampled.samples()] } : {}
      const template = { ...input, ...samples, expectedVersion: basis }
      const { upsertTemplates } = await api.ask(SaveTemplate, { templates: [template] })
      const [now] = upsertTemplates
      unsaved.saved()
      mistake = null
      conflict = null
      if (now !== undefined) {
        stage = now
        basis = now.latestVersion
        say(isDraft(now) ? 'Draft saved.' : 'Template saved.')
      }
      if (isNew) go(['templates', now?.key ?? draft.key])
      versions?.reload()
    } catch (error) {
      if (error instanceof DraftError) mistake = { field: error.field, message: error.message }
      failure = error instanceof DraftError ? new ApiError('BAD_INPUT', error.message, error.field) : failureOf(error)
      if (failure.code === 'TEMPLATE_CHANGED') {
        const other = failure
        failure = null
        await meet(other).catch((cause: unknown) => {
          failure = failureOf(cause)
        })
      }
    }
    isSaving = false
    update()
  }

  async function publish(): Promise<void> {
    try {
      const { publishTemplate } = await api.ask(PublishTemplate, { key, expectedVersion: basis })
      stage = publishTemplate
      say(`Version ${publishTemplate.version} is published.`)
      versions?.reload()
    } catch (error) {
      const refusal = failureOf(error)
      if (refusal.code === 'TEMPLATE_CHANGED') await meet(refusal)
      else say(refusal.message, 'bad')
    }
    update()
  }

  async function remove(): Promise<void> {
    const text =
      'Messages already sent are kept. Nothing can be sent with it any more, and messages still waiting will not be sent.'
    if (!(await ask({ title: `Delete the template ${key}?`, text, action: 'Delete', isDangerous: true }))) return
    try {
      await api.ask(DeleteTemplate, { keys: [key] })
      editor?.unsaved.discard()
      say('Template deleted.')
      go(['templates'])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  /** What can be done about a conflict. */
  const choices = (one: Editor) => ({
    keep() {
      basis = stage.latestVersion
      void save(one)
    },
    take() {
      if (conflict === null) return
      one.unsaved.discard()
      Object.assign(one.draft, conflict.theirs)
      one.unsaved.saved()
      basis = conflict.number
      conflict = null
      one.preview.refresh()
      update()
    },
  })

  const form = (one: Editor): TemplateResult => {
    const { draft, content, preview, unsaved } = one
    const set = (change: Partial<Draft>): void => {
      Object.assign(draft, change)
      unsaved.touched()
      preview.refresh()
      update()
    }
    return html`<div class="columns editor">
      <form class="form" @submit=${submit(() => save(one))}>
        ${unsaved.notice()} ${conflict === null ? '' : conflictView(conflict, draft, choices(one))}
        ${failure === null ? '' : refused(failure)}
        ${templatePanels({ draft, isNew, mistake, content: content.view(), code, set })}
        <div data-needs="MANAGE" class="buttons">
          <button class="primary" ?disabled=${isSaving}>${isSaving ? 'Saving…' : 'Save'}</button>
          ${isNew ? '' : html`<button type="button" class="danger" @click=${() => void remove()}>Delete</button>`}
          ${isDraft(stage) ? html`<button type="button" ?disabled=${isSaving || unsaved.isChanged()} @click=${() => void publish()}>Publish</button>` : ''}
          ${unsaved.isChanged() ? html`<span class="quiet small">Unsaved changes</span>` : ''}
        </div>
      </form>
      ${preview.view(content.channel(), isNew ? '' : test.view())}
    </div>
    ${versions?.view() ?? ''}`
  }

  const stageBadge = (): TemplateResult =>
    isDraft(stage)
      ? html`${badge(`Draft ${stage.latestVersion}`, 'warn')}
          <span class="quiet small">${stage.published ? `Version ${stage.version} is sent until it is published` : 'Never published: it can not be sent yet'}</span>`
      : badge(`Version ${stage.version}`)

  /** Ctrl+S, or Cmd+S. */
  const shortcut = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() !== 's' || event.altKey || event.shiftKey || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    if (editor !== null && deps.can('MANAGE')) void save(editor)
  }

  document.addEventListener('keydown', shortcut)
  void found.run()
  return {
    title: () => (isNew ? 'New template' : key),
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['templates'])}>Templates</a></p>
        <h1 tabindex="-1">${isNew ? 'New template' : key}</h1>
        ${isNew || editor === null ? '' : stageBadge()}
        ${
          isNew || (found.value?.editor ?? null) === null
            ? ''
            : html`<div class="actions">
                ${source.buttons()}
                <a data-needs="MANAGE" class="button" href=${href(['new-template'], { from: key })}>Duplicate</a>
                <a class="button" href=${href(['activity'], { template: key })}>Activity</a>
              </div>`
        }
      </div>
      ${loaded(found, () => (editor === null ? html`<div class="panel">${empty('Template not found', html`It may have been deleted. Go to <a href=${href(['templates'])}>Templates</a>.`)}</div>` : form(editor)))}
      ${source.view()}
    `,
    close() {
      document.removeEventListener('keydown', shortcut)
      editor?.preview.stop()
    },
    isUnsaved: () => editor?.unsaved.isChanged() === true || editor?.preview.sampled.isChanged() === true,
    discard() {
      editor?.preview.sampled.discard()
      editor?.unsaved.discard()
    },
  }
}
