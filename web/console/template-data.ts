/** The data that a template is previewed with: placeholders, what was sent last, or one of the samples that are kept with the template. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import type { DrawCode } from './code.ts'
import { dialog } from './dialog.ts'
import { choice, line, submit } from './form.ts'
import { readObject, type Typed, writtenJson } from './json.ts'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'

const SamplesOf = graphql(`
  query SamplesOf($key: ID!) { template(key: $key) { latestVersion samples { name data } } }
`)
const SaveSamples = graphql(`
  mutation SaveSamples($templates: [TemplateInput!]!) { upsertTemplates(templates: $templates) { samples { name data } } }
`)

type Fields = Record<string, unknown>

/** Data that is kept with a template. */
export interface Sample {
  readonly name: string
  readonly data: Fields
}

/** What the data begins with, and what it is used in. */
export interface PreviewDataOptions {
  /** null: the template is not stored yet, and its samples are stored with it */
  readonly key: string | null
  readonly code: DrawCode
  readonly last: () => Promise<Fields | null>
  /** The data is another one. */
  changed(): void
}

const NAME_MAX = 100
/** What a message has besides its data. */
const given = [
  ...['firstName', 'lastName', 'email', 'phone', 'locale', 'timezone', 'photoUrl', 'country', 'id', 'externalId'],
  ...['unsubscribeUrl', 'contact', 'user', 'subscriber', 'actor', 'project', 'digest'],
]
const isOurs = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Data with a placeholder for each name of a list, dotted or not. What only the contact or a list could give is left out. */
export function withPlaceholders(data: Fields, names: readonly string[]): Fields {
  const filled: Fields = structuredClone(data)
  for (const name of names) {
    const path = name.replace(/^(data|payload|event)\./, '').split('.')
    if (given.includes(path[0] ?? '') || path.some((part) => !/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(part))) continue
    let at = filled
    for (const part of path.slice(0, -1)) {
      const inner = Object.hasOwn(at, part) ? at[part] : undefined
      const next: Fields = isOurs(inner) ? inner : {}
      at[part] = next
      at = next
    }
    const leaf = path.at(-1) ?? ''
    if (!Object.hasOwn(at, leaf) || at[leaf] === null) at[leaf] = leaf
  }
  return filled
}

export function createPreviewData(
  { api, update, say, ask }: Pick<Deps, 'api' | 'update' | 'say' | 'ask'>,
  { key, code, last, changed }: PreviewDataOptions,
) {
  let samples: readonly Sample[] = []
  let placeholders = '{}'
  let text = '{}'
  /** as it was chosen */
  let before = '{}'
  let chosen = 'placeholders'
  let isBusy = false
  let naming: { readonly title: string; readonly except: string | null; name: string; run(name: string): Promise<void> } | null =
    null

  const sampleOf = (value: string): Sample | undefined => samples.find(({ name }) => value === `sample:${name}`)
  const isChanged = (): boolean => sampleOf(chosen) !== undefined && text !== before
  const read = (): Typed<Fields | null> => readObject(text)
  function put(next: string, from: string): void {
    chosen = from
    text = next
    before = next
    changed()
  }

  async function choose(value: string): Promise<void> {
    const question = { title: 'Discard changes of the sample?', text: 'What you have changed in its data is not saved.' }
    if (isChanged() && !(await ask({ ...question, action: 'Discard changes' }))) return update()
    const sample = sampleOf(value)
    if (sample !== undefined) return put(writtenJson(sample.data), value)
    if (value !== 'last') return put(placeholders, value)
    const data = await last()
    if (data === null) say('Nothing has been sent with this template yet.', 'bad')
    else put(writtenJson(data), value)
    update()
  }

  /** Changes the list as it is stored now: somebody else may have changed it meanwhile. @returns whether it is stored */
  async function store(change: (now: readonly Sample[]) => readonly Sample[]): Promise<boolean> {
    isBusy = true
    update()
    try {
      if (key === null) samples = change(samples)
      else {
        const { template } = await api.ask(SamplesOf, { key })
        if (template === null) throw new Error('The template was deleted meanwhile.')
        const input = { key, expectedVersion: template.latestVersion, samples: [...change(template.samples)] }
        const { upsertTemplates } = await api.ask(SaveSamples, { templates: [input] })
        samples = upsertTemplates[0]?.samples ?? []
      }
      return true
    } catch (error) {
      say(failureOf(error).message, 'bad')
      return false
    } finally {
      isBusy = false
      update()
    }
  }
  async function save(name: string): Promise<void> {
    const typed = read()
    if (!typed.ok) return say(typed.wrong, 'bad')
    const sample = { name, data: typed.value ?? {} }
    const isThere = (list: readonly Sample[]): boolean => list.some((one) => one.name === name)
    const isStored = await store((now) =>
      isThere(now) ? now.map((one) => (one.name === name ? sample : one)) : [...now, sample],
    )
    if (!isStored) return
    naming = null
    chosen = `sample:${name}`
    before = text
    say('Sample saved.')
    update()
  }
  async function rename(from: string, to: string): Promise<void> {
    if (!(await store((now) => now.map((one) => (one.name === from ? { ...one, name: to } : one))))) return
    naming = null
    chosen = `sample:${to}`
    update()
  }
  async function remove(name: string): Promise<void> {
    const question = { title: `Remove the sample "${name}"?`, text: 'The template itself is not changed.', action: 'Remove' }
    if (!(await ask({ ...question, isDangerous: true }))) return
    if (await store((now) => now.filter((one) => one.name !== name))) put(placeholders, 'placeholders')
  }

  const nameDialog = (open: NonNullable<typeof naming>): TemplateResult => {
    const name = open.name.trim()
    const isTaken = name !== open.except && samples.some((one) => one.name === name)
    return dialog({
      title: open.title,
      close() {
        naming = null
        update()
      },
      body: html`<form @submit=${submit(() => (isTaken || name === '' ? undefined : open.run(name)))}>
        ${line({
          ...{ id: 'sample-name', label: 'Sample name', value: open.name, isRequired: true },
          wrong: isTaken ? 'Another sample has this name.' : name.length > NAME_MAX ? `At most ${NAME_MAX} characters.` : null,
          change(value) {
            open.name = value
            update()
          },
        })}
        <div class="buttons end"><button class="primary" ?disabled=${isBusy || isTaken || name === ''}>Save</button></div>
      </form>`,
    })
  }
  const openDialog = (title: string, except: string | null, run: (name: string) => Promise<void>) => (): void => {
    naming = { title, except, name: except ?? '', run }
    update()
  }

  const buttons = (): TemplateResult => {
    const sample = sampleOf(chosen)
    const small = (label: string, click: () => void, isOff = false): TemplateResult =>
      html`<button type="button" class="small" ?disabled=${isBusy || isOff} @click=${click}>${label}</button>`
    return html`<div data-needs="MANAGE" class="buttons">
      ${sample === undefined ? '' : small('Update sample', () => void save(sample.name), !isChanged())}
      ${small('Add sample…', openDialog('Add a sample', null, save))}
      ${
        sample === undefined
          ? ''
          : small(
              'Rename sample…',
              openDialog('Rename the sample', sample.name, (to) => rename(sample.name, to)),
            )
      }
      ${sample === undefined ? '' : small('Remove sample', () => void remove(sample.name))}
      ${isChanged() ? html`<span class="quiet small">Not saved in the sample</span>` : ''}
    </div>`
  }

  return {
    /** Begins with placeholders for the variables of the template, or with its first sample. */
    begin(variables: readonly string[], stored: readonly Sample[]): void {
      samples = stored
      placeholders = JSON.stringify(withPlaceholders({}, variables), null, 2)
      const [first] = stored
      if (first === undefined) put(placeholders, 'placeholders')
      else put(writtenJson(first.data), `sample:${first.name}`)
    },
    read,
    /** Adds placeholders for what has no value. */
    fill(names: readonly string[]): void {
      const typed = read()
      if (!typed.ok) return
      text = JSON.stringify(withPlaceholders(typed.value ?? {}, names), null, 2)
      changed()
      update()
    },
    /** Whether filling would add something. */
    canFill: (names: readonly string[]): boolean => Object.keys(withPlaceholders({}, names)).length > 0,
    samples: (): readonly Sample[] => samples,
    isChanged,
    discard(): void {
      text = before
      changed()
    },
    choiceView: (): TemplateResult =>
      choice({
        ...{ id: 'preview-sample', label: 'Preview with', value: chosen },
        options: [
          ['placeholders', 'Placeholders'],
          ...(key === null ? [] : [['last', 'What was sent last'] as const]),
          ...samples.map(({ name }) => [`sample:${name}`, name] as const),
        ],
        change: (value) => void choose(value),
      }),
    view: (wrong: string | null): TemplateResult => html`
      ${code({
        ...{ id: 'preview-data', label: 'Data (JSON)', value: text, language: 'json', wrong },
        change(value) {
          text = value
          changed()
          update()
        },
      })}
      ${buttons()} ${naming === null ? '' : nameDialog(naming)}
    `,
  }
}
