/** A contact's preferences: for each channel, and for each template as a whole and on each of its channels. */
import { html, type TemplateResult } from 'lit'
import type { ContactPreferencesQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel } from './badge.ts'
import { check } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Section } from './page.ts'
import { href } from './router.ts'

const ContactPreferences = graphql(`
  query ContactPreferences($contact: ID) {
    preferences(contact: $contact) {
      channels { channel enabled }
      templates { enabled template { key name critical } channels { channel enabled } }
    }
  }
`)

const ChangePreference = graphql(`
  mutation ChangePreference($contact: ID, $template: ID, $channel: Channel, $enabled: Boolean!) {
    setPreference(contact: $contact, template: $template, channel: $channel, enabled: $enabled) {
      channels { channel enabled }
      templates { enabled template { key name critical } channels { channel enabled } }
    }
  }
`)

type Preferences = ContactPreferencesQuery['preferences']
type Channel = Preferences['channels'][number]['channel']

/** The preferences with one change applied: to a channel, to a template, or to a template on one channel. */
function withChange(before: Preferences, template: string | null, channel: Channel | null, enabled: boolean): Preferences {
  const onChannel = <T extends { readonly channel: Channel; readonly enabled: boolean }>(list: readonly T[]): T[] =>
    list.map((one) => (one.channel === channel ? { ...one, enabled } : one))
  if (template === null) return { ...before, channels: onChannel(before.channels) }
  const templates = before.templates.map((one) => {
    if (one.template.key !== template) return one
    return channel === null ? { ...one, enabled } : { ...one, channels: onChannel(one.channels) }
  })
  return { ...before, templates }
}

export function openContactPreferences({ api, update, say, can }: Deps, contact: string): Section {
  const stored = createLoad(async () => (await api.ask(ContactPreferences, { contact })).preferences, update)
  let pending = 0
  let isOverlapping = false
  /** Shows a change immediately. Responses are only shown when no request is pending: they do not include changes made after theirs. */
  const set = (template: string | null, channel: Channel | null) => async (enabled: boolean) => {
    if (stored.value !== null) stored.put(withChange(stored.value, template, channel, enabled))
    pending += 1
    isOverlapping ||= pending > 1
    let answer: Preferences | null = null
    try {
      answer = (await api.ask(ChangePreference, { contact, template, channel, enabled })).setPreference
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
    pending -= 1
    if (pending > 0) return
    const isCurrent = !isOverlapping
    isOverlapping = false
    if (answer !== null && isCurrent) stored.put(answer)
    else await stored.run()
  }
  const row = ({ template, enabled, channels }: Preferences['templates'][number]): TemplateResult => html`
    <tr>
      <td>
        <a href=${href(['templates', template.key])}>${template.name}</a>
        ${template.critical ? html`<span id="why-${template.key}">${badge('Critical: always sent', 'warn')}</span>` : ''}
      </td>
      <td class="keep">${check(`want-${template.key}`, 'Enabled', enabled, (isOn) => void set(template.key, null)(isOn), !can('SEND') || template.critical, template.critical ? `why-${template.key}` : undefined)}</td>
      <td>
        <div class="choices">
          ${channels.map(({ channel, enabled: isOn }) =>
            check(
              `want-${template.key}-${channel}`,
              channelLabel(channel),
              isOn,
              (next) => void set(template.key, channel)(next),
              !enabled || !can('SEND') || template.critical,
              template.critical ? `why-${template.key}` : undefined,
            ),
          )}
        </div>
      </td>
    </tr>
  `
  void stored.run()
  return {
    view: () => html`<div class="panel">
      ${loaded(
        stored,
        ({ channels, templates }) => html`
          <header><h2>Channels</h2><span class="quiet small">apply to all templates that are not critical</span></header>
          <div class="body">
            <div class="choices">
              ${channels.map(({ channel, enabled }) =>
                check(`want-${channel}`, channelLabel(channel), enabled, (isOn) => void set(null, channel)(isOn), !can('SEND')),
              )}
            </div>
          </div>
          ${
            templates.length === 0
              ? empty('No templates yet', 'Preferences for each template will appear here.')
              : html`<table>
                  <caption>Preferences by template</caption>
                  <thead><tr><th scope="col">Template</th><th scope="col">Enabled</th><th scope="col">Channels</th></tr></thead>
                  <tbody>${templates.map(row)}</tbody>
                </table>`
          }
        `,
      )}
    </div>`,
  }
}
