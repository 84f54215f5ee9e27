/** The import of contacts: a file, what its columns are, a check of all rows, and the import itself. */
import { html, type TemplateResult } from 'lit'
import { type Column, type Existing, type Target, targetOf, targets } from './contact-columns.ts'
import { type Import, type ImportState, loadCsv, type Plan, startImport } from './contact-import.ts'
import { choice, submit } from './form.ts'
import { failureOf } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href } from './router.ts'
import { table } from './table.ts'
import { count, counted } from './time.ts'

const encodings = [
  ['utf-8', 'UTF-8'],
  ['utf-16le', 'UTF-16'],
  ['windows-1252', 'Western (Windows-1252)'],
  ['euc-kr', 'Korean (EUC-KR)'],
  ['shift_jis', 'Japanese (Shift JIS)'],
] as const
const modes: readonly (readonly [Existing, string])[] = [
  ['FILL_MISSING', 'Keep their values, and fill in what is missing'],
  ['OVERWRITE', 'Overwrite their values with those of the file'],
]
/** Rows of the file that are shown, and refused rows. */
const SHOWN = 3
const REFUSED_SHOWN = 20
/** The name of the copy of where an import is. */
const COPY = 'contact-import'

/** What a file is recognized by when it is chosen again. */
const nameOf = ({ name, size, lastModified }: File): string => JSON.stringify([name, size, lastModified])

/** Where an import of an earlier visit ended. */
interface Left {
  readonly file: string
  readonly fileName: string
  readonly encoding: string
  readonly mode: Existing
  readonly targets: readonly Target[]
  readonly at: Pick<ImportState, 'last' | 'rows' | 'created' | 'updated' | 'refusedCount'>
}

function readLeft(text: string | null): Left | null {
  try {
    const left = JSON.parse(text ?? 'null') as Left | null
    return typeof left?.file === 'string' && Array.isArray(left.targets) && typeof left.at?.last === 'number' ? left : null
  } catch {
    return null
  }
}

export function openContactImport(deps: Deps): Page {
  const { api, update, drafts, ask } = deps
  let file: File | null = null
  let encoding = 'utf-8'
  let mode: Existing = 'FILL_MISSING'
  let columns: Column[] = []
  let head: readonly (readonly string[])[] = []
  let wrong: string | null = null
  let running: Import | null = null
  let checked: ImportState | null = null
  let left = readLeft(drafts.read(COPY))

  /** Reads the head and the first rows of the file. */
  async function look(chosen: File): Promise<void> {
    wrong = null
    running?.stop()
    running = null
    checked = null
    // It goes on as it began.
    if (left?.file === nameOf(chosen) && file === null) encoding = left.encoding
    try {
      const { readCsv } = await loadCsv()
      let found: readonly (readonly string[])[] = []
      await readCsv(chosen, encoding, async (rows) => {
        found = rows.slice(0, SHOWN + 1).map(({ cells }) => cells)
        return false
      })
      const [names = []] = found
      if (names.length === 0) throw new Error('The file is empty.')
      file = chosen
      head = found.slice(1)
      columns = names.map((name) => ({ head: name, target: targetOf(name) }))
      if (found.flat().some((cell) => cell.includes('\u{FFFD}') || cell.includes('\0')))
        wrong = 'Some characters could not be read: choose the encoding that the file has.'
      if (isLeft()) {
        const { targets: kept = [], mode: of = mode } = left ?? {}
        columns = columns.map((one, index) => ({ ...one, target: kept[index] ?? '' }))
        mode = of
      }
    } catch (error) {
      file = null
      wrong = failureOf(error).message
    }
    update()
  }
  /** Whether the file is the one whose import has not ended. */
  const isLeft = (): boolean => file !== null && left !== null && left.file === nameOf(file) && left.encoding === encoding
  const set = (change: () => void): void => {
    change()
    checked = null
    update()
  }
  const hasId = (): boolean => columns.some(({ target }) => target === 'externalId')
  const twice = (): string | null => {
    const named = columns.map(({ target }) => target).filter((one) => !['', 'text', 'number', 'boolean', 'json'].includes(one))
    const found = named.find((one, index) => named.indexOf(one) !== index)
    return found === undefined ? null : (targets.find(([name]) => name === found)?.[1] ?? found)
  }
  const mistake = (): string | null => {
    if (!hasId()) return 'Choose the column with the contact id.'
    const found = twice()
    return found === null ? null : `Two columns are “${found}”.`
  }
  const isBusy = (): boolean => running !== null && !['stopped', 'done', 'failed'].includes(running.state.phase)

  function begin(isDryRun: boolean, from: Left['at'] | null = null): void {
    if (file === null) return
    const plan: Plan = { file, encoding, mode, columns }
    const run: Import = startImport({ api, plan, isDryRun, from, changed: () => changed(plan, run.state) })
    running = run
    update()
  }
  function changed({ file: source, columns: planned, ...plan }: Plan, state: ImportState): void {
    if (state.isDryRun && state.phase === 'done') checked = state
    if (!state.isDryRun) {
      const { last, rows, created, updated, refusedCount } = state
      left = {
        ...{
          file: nameOf(source),
          fileName: source.name,
          encoding: plan.encoding,
          mode: plan.mode,
          targets: planned.map(({ target }) => target),
        },
        at: { last, rows, created, updated, refusedCount },
      }
      if (state.phase === 'done') left = null
      if (left === null) drafts.forget(COPY)
      else drafts.write(COPY, JSON.stringify(left))
    }
    update()
  }
  async function stop(): Promise<void> {
    const isSure = await ask({
      title: 'Stop the import?',
      text: 'The contacts that were imported so far stay. Choose the same file again to go on from there.',
      ...{ action: 'Stop', refusal: 'Go on' },
    })
    if (!isSure) return
    running?.stop()
  }
  async function saveRefused({ refused }: ImportState): Promise<void> {
    const { writeCsv } = await loadCsv()
    const text = writeCsv([
      [...columns.map((one) => one.head), 'row', 'error'],
      ...refused.map(({ row, why, cells }) => [...columns.map((_one, index) => cells[index] ?? ''), String(row), why]),
    ])
    const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
    Object.assign(document.createElement('a'), { href: url, download: 'refused.csv' }).click()
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }

  const chooser = (): TemplateResult => html`
    <section class="panel" aria-label="Source">
      <div class="body form">
        ${
          left !== null && !isLeft()
            ? html`<div class="notice" role="status">
                <p>
                  The import of <strong>${left.fileName}</strong> stopped after ${counted(left.at.rows, 'row')}. Choose the same file to go on.
                </p>
                <button
                  class="small"
                  @click=${() => {
                    left = null
                    drafts.forget(COPY)
                    update()
                  }}
                >
                  Forget it
                </button>
              </div>`
            : ''
        }
        <div class="pair">
          <div class="field">
            <label for="import-file">File</label>
            <input
              id="import-file"
              type="file"
              accept=".csv,.tsv,.txt,text/csv"
              aria-describedby="import-file-hint"
              ?disabled=${isBusy()}
              @change=${(event: Event) => {
                const [chosen] = (event.target as HTMLInputElement).files ?? []
                if (chosen !== undefined) void look(chosen)
              }}
            />
            <span class="hint" id="import-file-hint">CSV, with the names of the columns in its first row. It is read here, and not uploaded as a whole.</span>
          </div>
          ${choice({
            ...{ id: 'import-encoding', label: 'Encoding', value: encoding, options: encodings, isDisabled: isBusy() },
            change: (value) => {
              encoding = value
              if (file !== null) void look(file)
            },
          })}
        </div>
        ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
      </div>
    </section>
  `
  const mapping = (): TemplateResult => html`
    <section class="panel" aria-label="Columns">
      <header><h2>Columns</h2></header>
      ${table<readonly [Column, number]>({
        caption: 'Columns',
        rows: columns.map((one, index) => [one, index] as const),
        key: ([, index]) => String(index),
        columns: [
          { head: 'Column', cell: ([one]) => one.head },
          {
            head: 'First values',
            class: 'minor',
            cell: ([, index]) => html`<span class="quiet">${head.map((cells) => cells[index] ?? '').join(' · ')}</span>`,
          },
          {
            head: 'Becomes',
            cell: ([one, index]) => html`<select
              aria-label="What ${one.head} becomes"
              ?disabled=${isBusy()}
              @change=${(event: Event) => {
                const chosen = (event.target as HTMLSelectElement).value
                const target = targets.find(([name]) => name === chosen)?.[0] ?? ''
                set(() => (columns = columns.with(index, { ...one, target })))
              }}
            >
              ${targets.map(([value, label]) => html`<option value=${value} ?selected=${value === one.target}>${label}</option>`)}
            </select>`,
          },
        ],
      })}
      <form class="body" @submit=${submit(() => begin(true))}>
        ${choice({
          ...{ id: 'import-mode', label: 'Contacts that exist', value: mode, options: modes, isDisabled: isBusy() },
          change: (value) => set(() => (mode = value === 'OVERWRITE' ? 'OVERWRITE' : 'FILL_MISSING')),
        })}
        ${mistake() === null ? '' : html`<p class="wrong" role="alert">${mistake()}</p>`}
        <div class="buttons end">
          ${
            left !== null && isLeft()
              ? html`<button type="button" class="primary" ?disabled=${isBusy() || mistake() !== null} @click=${() => begin(false, left?.at ?? null)}>
                  Go on after row ${count(left.at.last)}
                </button>`
              : ''
          }
          <button class=${checked === null && !isLeft() ? 'primary' : ''} ?disabled=${isBusy() || mistake() !== null}>Check all rows</button>
          ${
            checked === null
              ? ''
              : html`<button type="button" class="primary" ?disabled=${isBusy() || checked.created + checked.updated === 0} @click=${() => begin(false)}>
                  Import ${counted(checked.created + checked.updated, 'contact')}
                </button>`
          }
        </div>
      </form>
    </section>
  `
  const titles: Record<ImportState['phase'], string> = {
    ...{
      running: 'Importing',
      paused: 'Paused',
      stopped: 'Stopped',
      waiting: 'Waiting for the server',
      done: 'Imported',
      failed: 'Failed',
    },
  }
  const checkTitles: typeof titles = { ...titles, running: 'Checking', done: 'Checked: nothing has been changed yet' }
  const result = (state: ImportState): TemplateResult => {
    const { isDryRun, phase, share, rows, created, updated, repeated, refused, refusedCount, message } = state
    return html`
      <section class="panel" aria-label="Progress">
        <header><h2 aria-live="polite">${(isDryRun ? checkTitles : titles)[phase]}</h2></header>
        <div class="body form">
          <progress aria-label="Progress" max="1" .value=${share}></progress>
          <dl class="facts">
            <dt>Rows</dt>
            <dd>${count(rows)}</dd>
            <dt>${isDryRun ? 'Would be created' : 'Created'}</dt>
            <dd>${count(created)}</dd>
            <dt>${isDryRun ? 'Would be updated' : 'Updated'}</dt>
            <dd>${count(updated)}</dd>
            ${repeated === 0 ? '' : html`<dt>Listed again</dt><dd>${count(repeated)}</dd>`}
            <dt>Refused</dt>
            <dd>${count(refusedCount)}</dd>
          </dl>
          ${message === null ? '' : html`<div class="notice ${phase === 'failed' ? 'bad' : ''}" role="alert"><p>${message}</p></div>`}
          <div class="buttons">
            ${phase === 'paused' ? html`<button @click=${() => running?.resume()}>Go on</button>` : ''}
            ${phase === 'running' || phase === 'waiting' ? html`<button @click=${() => running?.pause()}>Pause</button>` : ''}
            ${isBusy() ? html`<button class="plain" @click=${() => void stop()}>Stop</button>` : ''}
            ${
              refused.length > 0 && !isBusy()
                ? html`<button @click=${() => void saveRefused(state)}>Download refused rows</button>
              ${refusedCount > refused.length ? html`<span class="quiet small">Of ${count(refusedCount)}, the ${count(refused.length)} of this visit.</span>` : ''}`
                : ''
            }
            ${phase === 'done' && !isDryRun ? html`<a class="button" href=${href(['contacts'])}>Contacts</a>` : ''}
          </div>
        </div>
        ${
          refused.length === 0
            ? ''
            : table({
                caption: refusedCount > REFUSED_SHOWN ? `Refused rows, the first ${REFUSED_SHOWN}` : 'Refused rows',
                rows: refused.slice(0, REFUSED_SHOWN),
                key: ({ row }) => String(row),
                columns: [
                  { head: 'Row', class: 'keep', cell: ({ row }) => count(row) },
                  { head: 'Why', cell: ({ why }) => why },
                  { head: 'Content', class: 'minor', cell: ({ cells }) => html`<span class="quiet">${cells.join(' · ')}</span>` },
                ],
              })
        }
      </section>
    `
  }

  return {
    title: () => 'Import contacts',
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['contacts'])}>Contacts</a></p>
        <h1 tabindex="-1">Import contacts</h1>
      </div>
      ${chooser()} ${file === null ? '' : mapping()} ${running === null ? '' : result(running.state)}
    `,
    moved: () => undefined,
    close: () => running?.stop(),
    isUnsaved: () => isBusy() && running?.state.isDryRun === false,
  }
}
