/** A contact: profile, addresses and credentials; preferences; feed. */
import { html, type TemplateResult } from 'lit'
import type { OneContactQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel } from './badge.ts'
import { openContactFeed } from './contact-feed.ts'
import { createContactForm } from './contact-form.ts'
import { openContactPreferences } from './contact-preferences.ts'
import { createSendDialog } from './contact-send.ts'
import { createTokenDialog } from './contact-token.ts'
import { EraseContacts, eraseQuestion, nameOf } from './contacts.ts'
import { copyButton } from './copy.ts'
import { shownJson } from './json.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page, Section } from './page.ts'
import { href, type Route } from './router.ts'
import { createSource } from './source.ts'
import { count, when } from './time.ts'

const OneContact = graphql(`
  query OneContact($externalId: ID!) {
    contact(externalId: $externalId) {
      id externalId email phone locale timezone firstName lastName photoUrl country profile isOnline lastOnlineAt createdAt updatedAt
      monthlyReceived { year month count }
      topics { key name }
      credentials { provider channel deviceTokens webhookUrl channelName updatedAt }
    }
  }
`)

type Found = NonNullable<OneContactQuery['contact']>

const credential = ({
  provider,
  channel,
  deviceTokens,
  webhookUrl,
  channelName,
  updatedAt,
}: Found['credentials'][number]): TemplateResult => html`
  <div class="card">
    <div class="badges"><strong>${provider}</strong> <span class="badge bare">${channelLabel(channel)}</span></div>
    ${deviceTokens.map((token) => html`<p class="mono small">${token}</p>`)}
    ${webhookUrl === null ? '' : html`<p class="mono small">${webhookUrl}</p>`}
    ${channelName === null ? '' : html`<p class="small">${channelName}</p>`}
    <p class="quiet small">Updated ${when(updatedAt, 'full')}</p>
  </div>
`

const sections = [
  ['', 'Profile'],
  ['preferences', 'Preferences'],
  ['feed', 'Feed'],
] as const

const profile = (one: Found): TemplateResult => html`
  <div class="columns">
    <section class="panel" aria-label="Contact details">
      <header><h2>Contact</h2></header>
      <div class="body">
        <dl class="facts">
          <dt>E-mail</dt>
          <dd>${one.email ?? '–'}</dd>
          <dt>Phone</dt>
          <dd>${one.phone ?? '–'}</dd>
          <dt>Language</dt>
          <dd>${one.locale ?? '–'}</dd>
          <dt>Time zone</dt>
          <dd>${one.timezone ?? '–'}</dd>
          <dt>Country</dt>
          <dd>${one.country ?? '–'}</dd>
          <dt>Last online</dt>
          <dd>${one.isOnline ? 'now' : when(one.lastOnlineAt, 'full')}</dd>
          <dt>Topics</dt>
          <dd class="badges">
            ${one.topics.length === 0 ? '–' : one.topics.map(({ key, name }) => html`<a href=${href(['topics', key])}>${name}</a>`)}
          </dd>
          <dt>Created</dt>
          <dd>${when(one.createdAt, 'full')}</dd>
          <dt>Updated</dt>
          <dd>${when(one.updatedAt, 'full')}</dd>
          <dt>Contact id</dt>
          <dd class="mono">${one.id}</dd>
        </dl>
      </div>
    </section>
    <section class="panel" aria-label="Profile">
      <header><h2>Profile</h2></header>
      <div class="body">
        ${shownJson(one.profile)}
        <h3>Credentials</h3>
        ${
          one.credentials.length === 0
            ? html`<p class="quiet small">No devices or additional addresses.</p>`
            : one.credentials.map(credential)
        }
        <h3>Received by month</h3>
        ${
          one.monthlyReceived.length === 0
            ? html`<p class="quiet small">Nothing yet.</p>`
            : html`<dl class="facts">
                ${one.monthlyReceived
                  .toReversed()
                  .map(
                    ({ year, month, count: received }) =>
                      html`<dt>${year}-${String(month).padStart(2, '0')}</dt><dd>${count(received)}</dd>`,
                  )}
              </dl>`
        }
      </div>
    </section>
  </div>
`

export function openContact(deps: Deps, first: Route): Page {
  const { api, update, go, say, ask, isMasked } = deps
  const externalId = first.path[1] ?? ''
  const found = createLoad(async () => ({ contact: (await api.ask(OneContact, { externalId })).contact ?? null }), update)
  const source = createSource(deps, () =>
    found.value?.contact
      ? { name: 'contact', document: OneContact, variables: { externalId }, value: found.value.contact }
      : null,
  )
  const form = createContactForm(deps, () => void found.run())
  const token = createTokenDialog(deps, externalId)
  const sending = createSendDialog(deps, externalId)
  async function erase(): Promise<void> {
    if (!(await ask(eraseQuestion([externalId])))) return
    try {
      await api.ask(EraseContacts, { contacts: [{ externalId }] })
      say('1 contact erased.')
      go(['contacts'])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  const actions = (contact: Found): TemplateResult => html`<div class="actions">
    ${source.buttons()}
    <a class="button" href=${href(['activity'], { contact: externalId })}>Activity</a>
    <button data-needs="SEND" @click=${() => void sending.open()}>Send</button>
    ${isMasked ? '' : html`<button data-needs="SEND" @click=${() => token.open()}>Issue token</button>`}
    ${isMasked ? '' : html`<button data-needs="SEND" @click=${() => form.open(contact)}>Edit</button>`}
    <button class="danger" data-needs="MANAGE" @click=${() => void erase()}>Erase</button>
  </div>`
  let name = ''
  let section: Section | null = null

  function show({ path }: Route): void {
    const next = path[2] ?? ''
    if (next === name && section !== null) return
    section?.close?.()
    name = next
    section =
      name === 'preferences'
        ? openContactPreferences(deps, externalId)
        : name === 'feed'
          ? openContactFeed(deps, externalId)
          : { view: () => (found.value?.contact ? profile(found.value.contact) : html``) }
  }

  void found.run()
  show(first)
  return {
    title: () => externalId,
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['contacts'])}>Contacts</a></p>
        <h1 tabindex="-1">${externalId}</h1>
        ${found.value?.contact ? copyButton(deps.say, 'externalId', externalId) : ''}
        ${found.value?.contact ? html`<span class="quiet">${nameOf(found.value.contact)}</span>` : ''}
        ${found.value?.contact?.isOnline === true ? badge('Online', 'good') : ''}
        ${found.value?.contact ? actions(found.value.contact) : ''}
      </div>
      ${loaded(found, ({ contact }) =>
        contact === null
          ? html`<div class="panel">${empty('Contact not found', html`It may have been deleted. Go to <a href=${href(['contacts'])}>Contacts</a>.`)}</div>`
          : html`<nav class="tabs" aria-label="Sections">
                ${sections.map(
                  ([key, label]) =>
                    html`<a href=${href(['contacts', externalId, ...(key === '' ? [] : [key])])} aria-current=${key === name ? 'page' : 'false'}
                      >${label}</a
                    >`,
                )}
              </nav>
              ${section?.view()}`,
      )}
      ${source.view()} ${form.view()} ${token.view()} ${sending.view()}
    `,
    moved: show,
    close: () => section?.close?.(),
  }
}
