/** Configuring a provider: the settings of its kind each in a field, whatever else there is as JSON. */
import { html, type TemplateResult } from 'lit'
import type { Channel, ProviderInput } from '../generated/graphql.ts'
import { channelLabel, channelNames } from './badge.ts'
import { area, check, choice, line, submit } from './form.ts'
import { readObject, writtenJson } from './json.ts'
import { kindOf, kinds, type Setting } from './provider-kinds.ts'

/** A provider while it is typed. */
export interface ProviderDraft {
  readonly isNew: boolean
  key: string
  channel: Channel
  kind: string
  priority: string
  rate: string
  active: boolean
  settings: Record<string, string | boolean>
  others: string
}

/** What is stored of a provider. */
export interface StoredProvider {
  readonly key: string
  readonly channel: Channel
  readonly kind: string
  readonly priority: number
  readonly ratePerSecond: number | null
  readonly active: boolean
  readonly settings: Record<string, unknown>
}

/** A provider that is not there yet. */
export const newProvider = (): ProviderDraft => ({
  ...{ isNew: true, key: '', channel: 'EMAIL', kind: 'smtp', priority: '', rate: '', active: true, settings: {}, others: '' },
})

/** A stored provider, to be changed. A secret reads "set", and stays as it is when that is given back. */
export function draftOfProvider(stored: StoredProvider): ProviderDraft {
  const known = kindOf(stored.kind).settings.map(({ name }) => name)
  const entries = Object.entries(stored.settings)
  const others = Object.fromEntries(entries.filter(([name]) => !known.includes(name)))
  return {
    ...{ isNew: false, key: stored.key, channel: stored.channel, kind: stored.kind, active: stored.active },
    priority: String(stored.priority),
    rate: stored.ratePerSecond === null ? '' : String(stored.ratePerSecond),
    settings: Object.fromEntries(
      entries
        .filter(([name]) => known.includes(name))
        .map(([name, value]) => [
          name,
          typeof value === 'boolean' ? value : typeof value === 'string' ? value : JSON.stringify(value),
        ]),
    ),
    others: Object.keys(others).length === 0 ? '' : writtenJson(others),
  }
}

/** The provider as the server takes it; null: what was typed as JSON is none. */
export function inputOfProvider(draft: ProviderDraft): ProviderInput | null {
  const others = readObject(draft.others)
  if (!others.ok) return null
  const settings: Record<string, unknown> = { ...others.value }
  for (const { name, type } of kindOf(draft.kind).settings) {
    const value = draft.settings[name]
    if (value === undefined || value === '' || value === false) continue
    settings[name] = type === 'number' ? Number(value) : value
  }
  return {
    ...{ key: draft.key.trim(), channel: draft.channel, kind: draft.kind, active: draft.active, settings },
    priority: draft.priority.trim() === '' ? null : Number(draft.priority),
    ratePerSecond: draft.rate.trim() === '' ? null : Number(draft.rate),
  }
}

/** Draws the form. */
export function providerForm(
  draft: ProviderDraft,
  wrong: string | null,
  changed: () => void,
  save: () => unknown,
): TemplateResult {
  const set = (change: Partial<ProviderDraft>): void => {
    Object.assign(draft, change)
    changed()
  }
  const kind = kindOf(draft.kind)
  const others = readObject(draft.others)
  const setting = ({ name, label, type, hint }: Setting): TemplateResult => {
    const id = `setting-${name}`
    const value = draft.settings[name] ?? ''
    const put = (next: string | boolean): void => set({ settings: { ...draft.settings, [name]: next } })
    if (type === 'yes') return check(id, label, value === true, put)
    const text = typeof value === 'string' ? value : ''
    const kept = text === 'set' ? 'It is set. Type another to replace it.' : hint
    const field = { id, label, value: text, change: put, ...(kept === undefined ? {} : { hint: kept }) }
    if (type === 'long') return area({ ...field, isCode: true })
    return line({ ...field, ...(type === 'secret' ? { type: 'password' as const, autocomplete: 'new-password' } : {}) })
  }
  return html`<form @submit=${submit(save)}>
    ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
    <div class="pair">
      ${line({ id: 'provider-key', label: 'Key', hint: 'Its name in calls', value: draft.key, isRequired: true, isDisabled: !draft.isNew, change: (key) => set({ key }) })}
      ${choice({
        ...{
          id: 'provider-kind',
          label: 'Kind',
          value: draft.kind,
          options: kinds.map(({ name, label }) => [name, label] as const),
        },
        change: (name) =>
          set({
            kind: name,
            settings: {},
            channel: kindOf(name).channels.find((one) => one === draft.channel) ?? kindOf(name).channels[0] ?? 'EMAIL',
          }),
      })}
      ${choice({
        ...{ id: 'provider-channel', label: 'Channel', value: draft.channel },
        options: kind.channels.map((one) => [one, channelLabel(one)] as const),
        change: (value) => set({ channel: channelNames.find((one) => one === value) ?? draft.channel }),
      })}
    </div>
    ${kind.settings.filter(({ type }) => type !== 'yes').map(setting)}
    <div class="choices">${kind.settings.filter(({ type }) => type === 'yes').map(setting)}</div>
    <details ?open=${draft.others !== ''}>
      <summary>More settings</summary>
      ${area({
        ...{ id: 'provider-others', label: 'As JSON', value: draft.others, isCode: true, wrong: others.ok ? null : others.wrong },
        change: (value) => set({ others: value }),
      })}
    </details>
    <div class="pair">
      ${line({ id: 'provider-priority', label: 'Priority', type: 'number', hint: 'The lowest is tried first', value: draft.priority, change: (priority) => set({ priority }) })}
      ${line({ id: 'provider-rate', label: 'At most so many a second', type: 'number', hint: 'Left empty: no limit', value: draft.rate, change: (rate) => set({ rate }) })}
    </div>
    ${check('provider-active', 'Active', draft.active, (active) => set({ active }))}
    <div class="buttons end"><button class="primary">Save</button></div>
  </form>`
}
