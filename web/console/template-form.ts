/** The form of a template: what it is called, what it says, when it is sent, and what its data must be. */
import { html, type TemplateResult } from 'lit'
import type { DrawCode } from './code.ts'
import { check, choice, line } from './form.ts'
import type { Draft } from './template-draft.ts'
import { whenForm } from './template-when.ts'

/** What the form is drawn of. */
export interface TemplateForm {
  readonly draft: Draft
  readonly isNew: boolean
  readonly mistake: { readonly field: string; readonly message: string } | null
  readonly content: TemplateResult
  readonly code: DrawCode
  set(change: Partial<Draft>): void
}

const severities = [
  ['LOW', 'Low'],
  ['NORMAL', 'Normal'],
  ['HIGH', 'High'],
  ['CRITICAL', 'Critical'],
] as const satisfies readonly (readonly [Draft['severity'], string])[]

/** Draws the panels of the form. */
export const templatePanels = ({ draft, isNew, mistake, content, code, set }: TemplateForm): TemplateResult => html`
  <section class="panel" aria-label="Template">
    <div class="body">
      <div class="pair">
        ${isNew ? line({ id: 'key', label: 'Key', hint: 'Identifies it in API calls', value: draft.key, isRequired: true, change: (value) => set({ key: value }) }) : ''}
        ${line({ id: 'name', label: 'Name', value: draft.name, change: (value) => set({ name: value }) })}
        ${line({ id: 'feed', label: 'Feed', value: draft.feed, change: (value) => set({ feed: value }) })}
        ${choice({ id: 'severity', label: 'Severity', value: draft.severity, options: severities, change: (value) => set({ severity: value as Draft['severity'] }) })}
      </div>
      <div class="choices">
        ${check('active', 'Active', draft.active, (active) => set({ active }))}
        ${check('critical', 'Critical (ignores preferences)', draft.critical, (critical) => set({ critical }))}
        ${check('strict', 'Strict (refuses missing variables)', draft.strict, (strict) => set({ strict }))}
        ${check('inPreferences', 'Shown in preferences', draft.inPreferences, (inPreferences) => set({ inPreferences }))}
      </div>
    </div>
  </section>
  <section class="panel" aria-label="Content">${content}</section>
  <section class="panel" aria-label="Delivery">
    <div class="body">
      <details ?open=${draft.rules.length > 0 || draft.digestSeconds !== ''}>
        <summary>Delivery rules</summary>
        <div class="form">${whenForm(draft, mistake, () => set({}))}</div>
      </details>
      <details ?open=${draft.dataSchema !== ''}>
        <summary>Data schema</summary>
        ${code({
          ...{ id: 'dataSchema', label: 'JSON Schema', value: draft.dataSchema, language: 'json', rows: 5 },
          ...{
            wrong: mistake?.field === 'dataSchema' ? mistake.message : null,
            hint: 'Messages whose data does not match are rejected with DATA_INVALID',
          },
          change: (value) => set({ dataSchema: value }),
        })}
      </details>
    </div>
  </section>
`
