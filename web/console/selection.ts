/** Rows of a list that are selected, and what is done with them at once. */
import { html, type TemplateResult } from 'lit'
import { live } from 'lit/directives/live.js'
import { failureOf } from './load.ts'
import type { Deps, Question, Scope } from './page.ts'
import type { Column } from './table.ts'
import { counted } from './time.ts'

/** What can be done with the selected rows. */
export interface BulkAction<Row> {
  readonly label: string
  readonly needs: Scope
  readonly isDangerous?: boolean
  /** the rows that it is possible for; left out: all */
  readonly takes?: (row: Row) => boolean
  /** left out: it is done without a question */
  readonly question?: (rows: readonly Row[]) => Question
  /** @returns what was done */
  run(rows: readonly Row[]): Promise<string>
}

/** `name`: what a row is called by its checkbox. `changed` is called after an action. */
export function createSelection<Row>(
  { update, say, ask, can }: Pick<Deps, 'update' | 'say' | 'ask' | 'can'>,
  name: (row: Row) => string,
  key: (row: Row) => string,
  all: readonly BulkAction<Row>[],
  changed: () => Promise<void>,
) {
  const chosen = new Map<string, Row>()
  const actions = all.filter(({ needs }) => can(needs))
  let isBusy = false
  const set = (rows: readonly Row[], isOn: boolean): void => {
    for (const row of rows) {
      if (isOn) chosen.set(key(row), row)
      else chosen.delete(key(row))
    }
    update()
  }
  const clear = (): void => {
    chosen.clear()
    update()
  }
  const isOn = (event: Event): boolean => (event.target as HTMLInputElement).checked

  async function run(action: BulkAction<Row>, rows: readonly Row[]): Promise<void> {
    if (action.question !== undefined && !(await ask(action.question(rows)))) return
    isBusy = true
    update()
    try {
      say(await action.run(rows))
      chosen.clear()
      await changed()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
    isBusy = false
    update()
  }

  return {
    clear,
    /** The columns with one of checkboxes before them, if there is something to do with rows. */
    columns: (columns: readonly Column<Row>[], rows: readonly Row[]): readonly Column<Row>[] =>
      actions.length === 0
        ? columns
        : [
            {
              head: html`<input
                type="checkbox"
                aria-label="Select all on this page"
                .checked=${live(rows.length > 0 && rows.every((row) => chosen.has(key(row))))}
                @change=${(event: Event) => set(rows, isOn(event))}
              />`,
              class: 'pick',
              cell: (row) =>
                html`<input
                  type="checkbox"
                  aria-label="Select ${name(row)}"
                  .checked=${live(chosen.has(key(row)))}
                  @change=${(event: Event) => set([row], isOn(event))}
                />`,
            },
            ...columns,
          ],
    /** The actions, while rows are selected. */
    bar: (): TemplateResult | string => {
      if (chosen.size === 0) return ''
      const rows = [...chosen.values()]
      return html`<div class="bulk" role="toolbar" aria-label="Selected rows">
        <span>${counted(rows.length, 'row')} selected</span>
        ${actions.map((action) => {
          const fit = rows.filter((row) => action.takes?.(row) ?? true)
          return html`<button
            class="small ${action.isDangerous === true ? 'danger' : ''}"
            ?disabled=${isBusy || fit.length === 0}
            @click=${() => void run(action, fit)}
          >
            ${action.label}${fit.length === rows.length ? '' : ` (${fit.length})`}
          </button>`
        })}
        <button class="small plain" @click=${clear}>Clear selection</button>
      </div>`
    },
  }
}
