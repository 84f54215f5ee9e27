/** What a contact wants: each channel as a whole, and each template on each of its channels. */
import { html, type TemplateResult } from 'lit'
import type { ContactPreferencesQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel } from './badge.ts'
import type { Section } from './contact.ts'
import { check } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps } from './page.ts'
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

/** What is wanted, with one more wish: a channel as a whole, a template as a whole, or a template on one channel. */
function withWish(before: Preferences, template: string | null, channel: Channel | null, enabled: boolean): Preferences {
  const onChannel = <T extends { readonly channel: Channel; readonly enabled: boolean }>(list: readonly T[]): T[] =>
    list.map((one) => (one.channel === channel ? { ...one, enabled } : one))
  if (template === null) return { ...before, channels: onChannel(before.channels) }
  const templates = before.templates.map((one) => {
    if (one.template.key !== template) return one
    return channel === null ? { ...one, enabled } : { ...one, channels: onChannel(one.channels) }
  })
  return { ...before, templates }
}

/** Opens the section. */
export function openContactPreferences({ api, update, say }: Deps, contact: string): Section {
  const wanted = createLoad(async () => (await api.ask(ContactPreferences, { contact })).preferences, update)
  let pending = 0
  let isOverlapping = false
  /** Shows a wish at once, and what the server made of it when none is on its way any more: an answer does not know of the next wish. */
  const set = (template: string | null, channel: Channel | null) => async (enabled: boolean) => {
    if (wanted.value !== null) wanted.put(withWish(wanted.value, template, channel, enabled))
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
    const isAlone = !isOverlapping
    isOverlapping = false
    if (answer !== null && isAlone) wanted.put(answer)
    else await wanted.run()
  }
  const row = ({ template, enabled, channels }: Preferences['templates'][number]): TemplateResult => html`
    <tr>
      <td>
        <a href=${href(['templates', template.key])}>${template.name}</a>
        ${template.critical ? badge('Critical: always sent', 'warn') : ''}
      </td>
      <td class="keep">${check(`want-${template.key}`, 'Wanted', enabled, (isOn) => void set(template.key, null)(isOn))}</td>
      <td>
        <div class="choices">
          ${channels.map(({ channel, enabled: isOn }) =>
            check(
              `want-${template.key}-${channel}`,
              channelLabel(channel),
              isOn,
              (next) => void set(template.key, channel)(next),
              !enabled,
            ),
          )}
        </div>
      </td>
    </tr>
  `
  void wanted.run()
  return {
    view: () => html`<div class="panel">
      ${loaded(
        wanted,
        ({ channels, templates }) => html`
          <header><h2>Channels</h2><span class="quiet small">for everything that is not critical</span></header>
          <div class="body">
            <div class="choices">
              ${channels.map(({ channel, enabled }) =>
                check(`want-${channel}`, channelLabel(channel), enabled, (isOn) => void set(null, channel)(isOn)),
              )}
            </div>
          </div>
          ${
            templates.length === 0
              ? empty('No templates yet', 'What a contact wants of each stands here once there are some.')
              : html`<table>
                  <caption>What it wants of each template</caption>
                  <thead><tr><th scope="col">Template</th><th scope="col">At all</th><th scope="col">On</th></tr></thead>
                  <tbody>${templates.map(row)}</tbody>
                </table>`
          }
        `,
      )}
    </div>`,
  }
}
