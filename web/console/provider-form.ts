/** Configuring a provider: the settings of its kind each in a field, as the server describes them. */
import { html, type TemplateResult } from 'lit'
import type { Channel, ProviderInput } from '../generated/graphql.ts'
import { channelLabel, channelNames } from './badge.ts'
import { check, choice, line, submit } from './form.ts'
import {
  faultOf,
  inputOf,
  type Kind,
  type Setting,
  settingField,
  settingsOf,
  type TypedSetting,
  typedOf,
} from './provider-setting.ts'

/** A provider while it is typed. */
export interface ProviderDraft {
  readonly isNew: boolean
  key: string
  /** null: not chosen yet */
  channel: Channel | null
  /** empty: not chosen yet */
  kind: string
  priority: string
  rate: string
  active: boolean
  settings: Readonly<Record<string, TypedSetting>>
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
  isNew: true,
  key: '',
  channel: null,
  kind: '',
  priority: '',
  rate: '',
  active: true,
  settings: {},
})

/** A stored provider, to be changed. A secret reads "set", and stays as it is when that is given back. */
export const draftOfProvider = (stored: StoredProvider): ProviderDraft => ({
  isNew: false,
  key: stored.key,
  channel: stored.channel,
  kind: stored.kind,
  priority: String(stored.priority),
  rate: stored.ratePerSecond === null ? '' : String(stored.ratePerSecond),
  active: stored.active,
  settings: Object.fromEntries(Object.entries(stored.settings).map(([name, value]) => [name, typedOf(value)])),
})

const settingsOfDraft = (draft: ProviderDraft, kinds: readonly Kind[]): readonly Setting[] => {
  const kind = kinds.find((one) => one.kind === draft.kind)
  return kind === undefined ? [] : settingsOf(kind)
}

/** The provider as the server takes it; null: what was typed can't be sent. */
export function inputOfProvider(draft: ProviderDraft, kinds: readonly Kind[]): ProviderInput | null {
  const settings = settingsOfDraft(draft, kinds)
  if (settings.some((setting) => faultOf(setting, draft.settings[setting.name] ?? '') !== null)) return null
  const values = settings.map((setting) => [setting.name, inputOf(setting, draft.settings[setting.name])] as const)
  return {
    key: draft.key.trim(),
    channel: draft.channel,
    kind: draft.kind,
    active: draft.active,
    settings: Object.fromEntries(values.filter(([, value]) => value !== undefined)),
    priority: draft.priority.trim() === '' ? null : Number(draft.priority),
    ratePerSecond: draft.rate.trim() === '' ? null : Number(draft.rate),
  }
}

/** Draws the form. `kinds`: as the server describes them. */
export function providerForm(
  draft: ProviderDraft,
  kinds: readonly Kind[],
  wrong: string | null,
  changed: () => void,
  save: () => unknown,
): TemplateResult {
  const set = (change: Partial<ProviderDraft>): void => {
    Object.assign(draft, change)
    changed()
  }
  const kind = kinds.find((one) => one.kind === draft.kind)
  const settings = settingsOfDraft(draft, kinds)
  const field = (setting: Setting): TemplateResult =>
    settingField(setting, draft.settings[setting.name], (typed) =>
      set({ settings: { ...draft.settings, [setting.name]: typed } }),
    )
  const advanced = settings.filter(({ isAdvanced }) => isAdvanced)
  const isUsed = ({ name }: Setting): boolean => draft.settings[name] !== undefined && draft.settings[name] !== ''
  const choose = (name: string): void => {
    const channels = kinds.find((one) => one.kind === name)?.channels ?? []
    set({ kind: name, settings: {}, channel: channels.find((one) => one === draft.channel) ?? channels[0] ?? null })
  }
  return html`<form @submit=${submit(save)}>
    ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
    <div class="pair">
      ${line({
        id: 'provider-key',
        label: 'Key',
        hint: 'Identifies it in API calls',
        value: draft.key,
        isRequired: true,
        isDisabled: !draft.isNew,
        change: (key) => set({ key }),
      })}
      ${choice({
        id: 'provider-kind',
        label: 'Kind',
        value: draft.kind,
        options: [
          ...(kind === undefined ? [[draft.kind, draft.kind === '' ? 'Choose…' : draft.kind] as const] : []),
          ...kinds.map((one) => [one.kind, one.title] as const),
        ],
        change: choose,
      })}
      ${choice({
        id: 'provider-channel',
        label: 'Channel',
        value: draft.channel ?? '',
        isDisabled: kind === undefined,
        options: (kind?.channels ?? []).map((one) => [one, channelLabel(one)] as const),
        change: (value) => set({ channel: channelNames.find((one) => one === value) ?? draft.channel }),
      })}
    </div>
    ${settings.filter(({ isAdvanced }) => !isAdvanced).map(field)}
    ${
      advanced.length === 0
        ? ''
        : html`<details ?open=${advanced.some(isUsed)}>
            <summary>More settings</summary>
            ${advanced.map(field)}
          </details>`
    }
    <div class="pair">
      ${line({
        id: 'provider-priority',
        label: 'Priority',
        type: 'number',
        hint: 'The lowest number is tried first',
        value: draft.priority,
        change: (priority) => set({ priority }),
      })}
      ${line({
        id: 'provider-rate',
        label: 'Rate limit (messages per second)',
        type: 'number',
        hint: 'Per worker. Leave empty for no limit',
        value: draft.rate,
        change: (rate) => set({ rate }),
      })}
    </div>
    ${check('provider-active', 'Active', draft.active, (active) => set({ active }))}
    <div data-needs="MANAGE" class="buttons end"><button class="primary">Save</button></div>
  </form>`
}
