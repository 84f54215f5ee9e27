/** The preferences: a switch for each channel, and for each template as a whole and on each of its channels. */
import { html, nothing, type TemplateResult } from 'lit'
import { icons } from './icons.ts'
import type { InboxChannel, InboxPreferencesState } from './message.ts'
import type { InboxTexts } from './texts.ts'

/** A switch that was turned: of a template, a channel, or a template on one channel. */
export interface PreferenceChange {
  readonly template?: string
  readonly channel?: InboxChannel
  readonly enabled: boolean
}

/** The state of the preferences, and what its controls do. */
export interface PreferencesView {
  /** null: not loaded yet */
  readonly preferences: InboxPreferencesState | null
  readonly failed: boolean
  readonly texts: InboxTexts
  onChange(change: PreferenceChange): void
  onRetry(): void
}

export function renderPreferences({ preferences, failed, texts, onChange, onRetry }: PreferencesView): TemplateResult {
  const channelName = (channel: string): string => texts.channels[channel] ?? channel
  const toggle = (label: string, isOn: boolean, isFixed: boolean, change: (enabled: boolean) => void, size = '') => html`
    <label class="preference ${size}" part="preference">
      <span><bdi>${label}</bdi></span>
      <input type="checkbox" role="switch" part="switch" .checked=${isOn} ?disabled=${isFixed}
        @change=${({ target }: Event) => target instanceof HTMLInputElement && change(target.checked)}>
    </label>`
  if (preferences === null) {
    return failed
      ? html`<div class="notice" part="error">${icons.fault}<h3>${texts.errorTitle}</h3><button type="button" class="action primary" @click=${onRetry}>${texts.retry}</button></div>`
      : html`<div class="skeletons" aria-busy="true"><span class="hidden">${texts.loading}</span>${[0, 1, 2, 3].map(() => html`<div class="skeleton"></div>`)}</div>`
  }
  // Channels that no template uses are left out.
  const used = new Set(preferences.templates.flatMap(({ channels }) => channels.map(({ channel }) => channel)))
  const shown = preferences.channels.filter(({ channel }) => used.has(channel))
  if (preferences.templates.length === 0) return html`<div class="notice" part="empty"><p>${texts.preferencesNone}</p></div>`
  return html`
    ${failed ? html`<p class="banner" role="alert">${texts.preferencesFailed}</p>` : nothing}
    <h3 class="section">${texts.preferencesChannels}</h3>
    <div class="preferences">
      ${shown.map(({ channel, enabled }) => toggle(channelName(channel), enabled, false, (to) => onChange({ channel, enabled: to })))}
    </div>
    <h3 class="section">${texts.preferencesTemplates}</h3>
    ${preferences.templates.map(
      ({ template, enabled, channels }) => html`
        <fieldset class="preferences">
          <legend class="hidden">${template.name}</legend>
          ${
            template.critical
              ? html`<div class="preference"><span><bdi>${template.name}</bdi></span><span class="muted">${texts.critical}</span></div>`
              : html`
                ${toggle(template.name, enabled, false, (to) => onChange({ template: template.key, enabled: to }))}
                ${
                  channels.length > 1
                    ? channels.map(({ channel, enabled: isOn }) =>
                        toggle(
                          channelName(channel),
                          isOn,
                          false,
                          (to) => onChange({ template: template.key, channel, enabled: to }),
                          'small',
                        ),
                      )
                    : nothing
                }`
          }
        </fieldset>`,
    )}
  `
}
