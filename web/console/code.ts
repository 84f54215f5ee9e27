/** Fields of code in a form. Each is a plain text area until the editor has been loaded, and stays one if it can't be. */
import { html, type TemplateResult } from 'lit'
import { AsyncDirective } from 'lit/async-directive.js'
import { directive, type ElementPart } from 'lit/directive.js'
import type { CodeEditor, CodeLanguage, CodeMistake } from './code-editor.ts'
import type { VariableSource } from './code-variables.ts'
import { area, described, type Field } from './form.ts'
import { createPart } from './part.ts'

type Editors = typeof import('./code-editor.ts')
const loadEditors = createPart<Editors>('console-editor.js')

/** A field of code. */
export interface CodeField extends Field {
  readonly value: string
  readonly language: CodeLanguage
  readonly rows?: number
  readonly change: (value: string) => void
}

/** Draws a field of code. */
export type DrawCode = (field: CodeField) => TemplateResult

/** The place that the server names at the end of its message. */
export function mistakeIn(message: string | null | undefined): CodeMistake | null {
  const [, line, column] = /\(line (\d+), column (\d+)\)$/.exec(message ?? '') ?? []
  return line === undefined || column === undefined
    ? null
    : { line: Number(line), column: Number(column), message: message ?? '' }
}

const LEAVING = 'Tab indents. Escape, then Tab leaves the editor.'

const attributesOf = (field: CodeField): Record<string, string> => {
  const { id, wrong = null, isRequired = false } = field
  return {
    ...{ id, role: 'textbox', 'aria-multiline': 'true', 'aria-labelledby': `${id}-label`, spellcheck: 'false' },
    ...{ 'aria-describedby': described(field) ?? '', 'aria-invalid': wrong === null ? 'false' : 'true' },
    ...(isRequired ? { 'aria-required': 'true' } : {}),
  }
}

type Variables = () => Promise<VariableSource>

class CodeDirective extends AsyncDirective {
  private editor: CodeEditor | null = null
  private field: CodeField | null = null
  /** the value as the form has it: its lines may end in \r\n */
  private value = ''

  override render(_editors: Editors, _field: CodeField, _variables: Variables): void {}

  override update(part: ElementPart, [editors, field, variables]: [Editors, CodeField, Variables]): void {
    const before = this.field
    this.field = field
    const attributes = attributesOf(field)
    const options = {
      ...{ language: field.language, value: field.value, attributes, variables },
      change: (value: string): void => {
        this.value = value
        this.field?.change(value)
      },
    }
    const created = this.editor === null
    if (this.editor === null) {
      this.editor = editors.createCodeEditor(part.element as HTMLElement, options)
      this.takeFocus(this.editor, field.id)
    } else if (before?.id !== field.id || (field.value !== this.value && field.value !== this.editor.text())) {
      this.editor.reset(options)
    } else if (JSON.stringify(attributesOf(before)) !== JSON.stringify(attributes)) this.editor.describe(attributes)
    this.value = field.value
    if (created || before?.id !== field.id || before.wrong !== field.wrong) this.editor.mark(mistakeIn(field.wrong))
  }

  /** The text area that it replaces may be the one that somebody types in. It is still on the page. */
  private takeFocus(editor: CodeEditor, id: string): void {
    const { activeElement } = document
    if (!(activeElement instanceof HTMLTextAreaElement) || activeElement.id !== id) return
    const { selectionStart, selectionEnd } = activeElement
    queueMicrotask(() => editor.focus(selectionStart, selectionEnd))
  }

  override disconnected(): void {
    this.editor?.close()
    this.editor = null
  }
}
const editor = directive(CodeDirective)

/**
 * Creates the fields of a page. The editor is loaded with the first field that is drawn.
 * @param variables what is known of the data of messages; asked while somebody types
 */
export function createCodeFields(update: () => void, variables: Variables): DrawCode {
  let editors: Editors | null = null
  let isAsked = false
  function load(): void {
    if (isAsked) return
    isAsked = true
    loadEditors().then(
      (loaded) => {
        editors = loaded
        update()
      },
      () => undefined,
    )
  }
  return (field) => {
    if (editors === null) {
      load()
      return area({ ...field, isCode: true })
    }
    const { id, label, wrong = null, rows = 3, hint } = field
    const focus = (event: Event): void => {
      const { parentElement } = event.currentTarget as HTMLElement
      parentElement?.querySelector<HTMLElement>('.cm-content')?.focus()
    }
    const leaving = hint === undefined ? LEAVING : `${hint}. ${LEAVING}`
    return html`<div class="field">
      <span class="label" id="${id}-label" @click=${focus}>${label}</span>
      <div class="code ${rows > 5 ? 'tall' : ''}" ${editor(editors, { ...field, hint: leaving }, variables)}></div>
      <span class="hint" id="${id}-hint">${leaving}</span>
      ${wrong === null ? '' : html`<span class="wrong" id="${id}-wrong" role="alert">${wrong}</span>`}
    </div>`
  }
}
