/** Form controls. Each has a label, and shows its validation error next to it. */
import { html, type TemplateResult } from 'lit'
import { ifDefined } from 'lit/directives/if-defined.js'
import { live } from 'lit/directives/live.js'

/** The options that all controls share. */
export interface Field {
  readonly id: string
  readonly label: string
  readonly hint?: string
  readonly wrong?: string | null
  readonly isRequired?: boolean
  readonly isDisabled?: boolean
}

function framed({ id, label, hint, wrong }: Field, control: TemplateResult, name = ''): TemplateResult {
  return html`<div class="field ${name}">
    <label for=${id}>${label}</label>
    ${control}
    ${hint === undefined ? '' : html`<span class="hint" id="${id}-hint">${hint}</span>`}
    ${wrong === undefined || wrong === null ? '' : html`<span class="wrong" id="${id}-wrong" role="alert">${wrong}</span>`}
  </div>`
}

/** The ids of what describes a control; undefined: nothing does. */
export const described = ({ id, hint, wrong }: Field): string | undefined => {
  const ids = [hint === undefined ? '' : `${id}-hint`, wrong === undefined || wrong === null ? '' : `${id}-wrong`]
  const list = ids.filter((one) => one !== '').join(' ')
  return list === '' ? undefined : list
}

const textOf = (event: Event): string => (event.target as HTMLInputElement).value

/** A single-line text field. */
export function line(
  field: Field & {
    readonly value: string
    readonly type?: 'text' | 'search' | 'password' | 'number' | 'datetime-local' | 'email'
    readonly placeholder?: string
    readonly list?: string
    readonly class?: string
    readonly autocomplete?: string
    readonly change: (value: string) => void
  },
): TemplateResult {
  return framed(
    field,
    html`<input
      id=${field.id}
      type=${field.type ?? 'text'}
      .value=${live(field.value)}
      placeholder=${ifDefined(field.placeholder)}
      list=${ifDefined(field.list)}
      autocomplete=${field.autocomplete ?? 'off'}
      spellcheck="false"
      ?required=${field.isRequired === true}
      ?disabled=${field.isDisabled === true}
      aria-invalid=${(field.wrong ?? null) === null ? 'false' : 'true'}
      aria-describedby=${ifDefined(described(field))}
      @input=${(event: Event) => field.change(textOf(event))}
    />`,
    field.class,
  )
}

/** A multi-line text field. */
export function area(
  field: Field & {
    readonly value: string
    readonly rows?: number
    readonly isCode?: boolean
    readonly change: (value: string) => void
  },
): TemplateResult {
  return framed(
    field,
    html`<textarea
      id=${field.id}
      class=${field.isCode === true ? 'mono' : ''}
      rows=${field.rows ?? 3}
      spellcheck=${field.isCode === true ? 'false' : 'true'}
      .value=${live(field.value)}
      ?required=${field.isRequired === true}
      aria-invalid=${(field.wrong ?? null) === null ? 'false' : 'true'}
      aria-describedby=${ifDefined(described(field))}
      @input=${(event: Event) => field.change(textOf(event))}
    ></textarea>`,
  )
}

/** A select. */
export function choice(
  field: Field & {
    readonly value: string
    readonly options: readonly (readonly [value: string, label: string])[]
    readonly change: (value: string) => void
  },
): TemplateResult {
  return framed(
    field,
    html`<select
      id=${field.id}
      ?disabled=${field.isDisabled === true}
      aria-describedby=${ifDefined(described(field))}
      @change=${(event: Event) => field.change(textOf(event))}
    >
      ${field.options.map(([value, label]) => html`<option value=${value} .selected=${live(value === field.value)}>${label}</option>`)}
    </select>`,
  )
}

/** A checkbox. */
export const check = (
  id: string,
  label: string,
  isOn: boolean,
  change: (isOn: boolean) => void,
  isDisabled = false,
  /** id of the text that says why it is disabled */
  reason?: string,
): TemplateResult =>
  html`<label class="check" for=${id}
    ><input
      id=${id}
      type="checkbox"
      .checked=${live(isOn)}
      ?disabled=${isDisabled}
      aria-describedby=${ifDefined(reason)}
      @change=${(event: Event) => change((event.target as HTMLInputElement).checked)}
    />${label}</label
  >`

/** A submit handler that runs `action` instead of leaving the page. */
export const submit = (action: () => unknown) => (event: Event) => {
  event.preventDefault()
  action()
}
