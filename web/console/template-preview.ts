/** A live preview of the unsaved template on every channel. Nothing is stored. */
import { html, type TemplateResult } from 'lit'
import type { Channel, ShowPreviewQuery, TemplateInput } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { ApiError } from './api.ts'
import { createEmailPreview } from './email-preview.ts'
import { line } from './form.ts'
import { createLoad, createThrottle, empty, refused, waiting } from './load.ts'
import type { Deps } from './page.ts'
import { type PreviewedChannel, previewCard } from './preview-card.ts'
import { createPreviewData, type PreviewDataOptions } from './template-data.ts'
import { DraftError } from './template-draft.ts'

const ShowPreview = graphql(`
  query ShowPreview($message: MessageInput!, $draft: TemplateInput) {
    preview(message: $message, draft: $draft) {
      ok locale
      error { code message field }
      channels {
        channel wouldSend address provider subject title body html text truncated
        from replyTo cc bcc suppressedCopies
        reason { code message }
        sms { encoding characters segments bytes }
      }
      warnings { code message field }
    }
  }
`)

/** The preview is loaded at most this often, ms. */
const TYPING_MS = 250

/** The sample contact, for when none is entered. It is not stored. */
const sampleContact = (locale: string) => ({
  ...{
    externalId: 'somebody',
    email: 'somebody@example.com',
    phone: '+15005550006',
    firstName: 'Robin',
    lastName: 'Doe',
    locale,
  },
})

export function createPreview(
  deps: Pick<Deps, 'api' | 'update' | 'project' | 'isMasked' | 'say' | 'ask'>,
  draft: () => TemplateInput,
  options: Omit<PreviewDataOptions, 'changed'>,
) {
  const { api, update, project, isMasked } = deps
  let contact = ''
  let dataWrong: string | null = null
  const data = createPreviewData(deps, { ...options, changed: () => refresh() })
  const emails = createEmailPreview(update)
  /** as it was before the mistake that somebody is typing */
  let before: readonly PreviewedChannel[] = []
  const shown = createLoad(async () => {
    const template = draft()
    const read = data.read()
    dataWrong = read.ok ? null : read.wrong
    if (!read.ok)
      throw Object.assign(new ApiError('BAD_INPUT', read.wrong, 'data'), { cause: new DraftError('data', read.wrong) })
    const message = {
      template: template.key === '' ? 'draft' : template.key,
      contact: contact.trim() === '' ? sampleContact(project.locale) : { externalId: contact.trim() },
      data: read.value ?? {},
    }
    const { preview } = await api.ask(ShowPreview, { message, draft: { ...template, key: message.template } })
    if (preview.ok) before = preview.channels
    return preview
  }, update)
  // A preview shows the data of contacts.
  const refresh = createThrottle(() => void (isMasked ? undefined : shown.run()), TYPING_MS)

  /** What has no value, and so leaves nothing where it is used. */
  const missing = ({ warnings }: ShowPreviewQuery['preview']): TemplateResult | string => {
    const names = warnings.flatMap(({ code, field }) => (code === 'MISSING_DATA' && field !== null ? [field] : []))
    if (names.length === 0) return ''
    return html`<div class="notice warn">
      <p><strong>No value for ${names.map((name, index) => html`${index === 0 ? '' : ', '}<code>${name}</code>`)}</strong></p>
      <p class="small">Nothing is shown in their place. Where one may be missing, use <code>| default: "…"</code>.</p>
      ${
        data.canFill(names)
          ? html`<div class="buttons"><button type="button" class="small" @click=${() => data.fill(names)}>Add to the data</button></div>`
          : ''
      }
    </div>`
  }

  const cards = (edited: Channel): TemplateResult => {
    const { value, failure } = shown
    if (value === null) return failure === null ? waiting() : refused(failure)
    const isEdited = ({ channel }: PreviewedChannel): boolean => channel === edited
    const all = value.ok ? value.channels : before
    const channels = [...all.filter(isEdited), ...all.filter((one) => !isEdited(one))]
    return html`
      ${failure === null || failure.cause instanceof DraftError ? '' : refused(failure)}
      ${value.ok || value.error === null ? '' : html`<div class="notice warn"><p><strong>${value.error.message}</strong></p><p class="quiet small mono">${value.error.code}</p></div>`}
      ${missing(value)}
      ${value.warnings.filter(({ code }) => code !== 'MISSING_DATA').map(({ code, message }) => html`<div class="notice warn"><p>${message}</p><p class="quiet small mono">${code}</p></div>`)}
      ${channels.length === 0 && value.ok ? empty('No content yet', '') : channels.map((one) => previewCard(one, emails))}
    `
  }
  const form = (edited: Channel, test: unknown): TemplateResult => html`
        <div class="body">
          <div class="pair">
            ${line({
              ...{ id: 'preview-contact', label: 'Contact', value: contact, placeholder: 'Sample contact' },
              change: (value) => {
                contact = value
                refresh()
                update()
              },
            })}
            ${data.choiceView()}
          </div>
          <div class="form">${data.view(dataWrong)} ${test}</div>
          <div class="form" aria-live="polite" aria-busy=${shown.isLoading ? 'true' : 'false'}>${cards(edited)}</div>
        </div>
  `

  return {
    /** Reloads the preview. */
    refresh,
    /** The data that it is previewed with; null: it can't be read yet. */
    data(): Record<string, unknown> | null {
      const read = data.read()
      return read.ok ? (read.value ?? {}) : null
    },
    /** What is wrong with a text of the template, and the id of its control; null: nothing, or it is not known where. */
    mistake(): { readonly field: string; readonly message: string } | null {
      const { field = null, message = '' } = shown.value?.error ?? {}
      const place = /^(\w+)\[(\d+)\]\.(\w+)/.exec(field ?? '')
      return place === null ? null : { field: place.slice(1).join('-'), message }
    },
    /** The data: what it begins with, and its samples. */
    sampled: data,
    /** Draws it, with the channel that is edited first. `test`: sends it to one recipient. */
    view: (edited: Channel, test: unknown): TemplateResult => html`
      <section class="panel" aria-labelledby="preview-title">
        <header><h2 id="preview-title">Preview</h2></header>
        ${isMasked ? empty('Not available', 'A preview shows personal data, which is masked for you.') : form(edited, test)}
      </section>
    `,
    stop: () => refresh.stop(),
  }
}
