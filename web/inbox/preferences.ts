/** What the contact wants: each channel, and each template on each of its channels. */
import { html, nothing, type TemplateResult } from 'lit'
import { icons } from './icons.ts'
import type { InboxChannel, InboxPreferencesState } from './message.ts'
import type { InboxTexts } from './texts.ts'

/** A wish. */
export interface Wish {
  readonly template?: string
  readonly channel?: InboxChannel
  readonly enabled: boolean
}

/** What is shown of them. */
export interface PreferencesView {
  /** null: not loaded yet */
  readonly preferences: InboxPreferencesState | null
  readonly failed: boolean
  readonly texts: InboxTexts
  onWish(wish: Wish): void
  onRetry(): void
}

/** Draws them. */
export function renderPreferences({ preferences, failed, texts, onWish, onRetry }: PreferencesView): TemplateResult {
  const channelName = (channel: string): string => texts.channels[channel] ?? channel
  const wish = (label: string, isOn: boolean, isFixed: boolean, change: (enabled: boolean) => void, size = '') => html`
    <label class="wish ${size}" part="preference">
      <span><bdi>${label}</bdi></span>
      <input type="checkbox" role="switch" part="switch" .checked=${isOn} ?disabled=${isFixed}
        @change=${({ target }: Event) => target instanceof HTMLInputElement && change(target.checked)}>
    </label>`
  if (preferences === null) {
    return failed
      ? html`<div class="notice" part="error">${icons.fault}<h3>${texts.errorTitle}</h3><button type="button" class="action primary" @click=${onRetry}>${texts.retry}</button></div>`
      : html`<div class="skeletons" aria-busy="true"><span class="hidden">${texts.loading}</span>${[0, 1, 2, 3].map(() => html`<div class="skeleton"></div>`)}</div>`
  }
  // Only channels that something is sent on can be wanted or not.
  const used = new Set(preferences.templates.flatMap(({ channels }) => channels.map(({ channel }) => channel)))
  const shown = preferences.channels.filter(({ channel }) => used.has(channel))
  if (preferences.templates.length === 0) return html`<div class="notice" part="empty"><p>${texts.preferencesNone}</p></div>`
  return html`
    ${failed ? html`<p class="banner" role="alert">${texts.preferencesFailed}</p>` : nothing}
    <h3 class="section">${texts.preferencesChannels}</h3>
    <div class="wishes">
      ${shown.map(({ channel, enabled }) => wish(channelName(channel), enabled, false, (to) => onWish({ channel, enabled: to })))}
    </div>
    <h3 class="section">${texts.preferencesTemplates}</h3>
    ${preferences.templates.map(
      ({ template, enabled, channels }) => html`
        <fieldset class="wishes">
          <legend class="hidden">${template.name}</legend>
          ${
            template.critical
              ? html`<div class="wish"><span><bdi>${template.name}</bdi></span><span class="muted">${texts.critical}</span></div>`
              : html`
                ${wish(template.name, enabled, false, (to) => onWish({ template: template.key, enabled: to }))}
                ${
                  channels.length > 1
                    ? channels.map(({ channel, enabled: isOn }) =>
                        wish(
                          channelName(channel),
                          isOn,
                          false,
                          (to) => onWish({ template: template.key, channel, enabled: to }),
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
