/** Sends what is about to go to many to one contact or address first. */
import { html, type TemplateResult } from 'lit'
import type { Channel, MessageInput, SendTestMutation } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel } from './badge.ts'
import { line } from './form.ts'
import { failureOf, refused } from './load.ts'
import type { Deps } from './page.ts'
import { href } from './router.ts'

const TestRecipient = graphql(`
  query TestRecipient($contact: ID!) { contact(externalId: $contact) { externalId } viewer { person { email } } }
`)

const SendTest = graphql(`
  mutation SendTest($messages: [MessageInput!]!) {
    sendMessages(messages: $messages, wait: SENT) {
      results { ok error { message } channelErrors { channel error { message } } notification { id channels } }
    }
  }
`)

type Outcome = SendTestMutation['sendMessages']['results'][number]

/** The recipient is kept for the next time in this tab. */
const NAME = 'carillon:test-recipient'

/** @param message what is sent; null: the form is not complete. A campaign has one channel */
export function createTestSend(
  { api, update }: Pick<Deps, 'api' | 'update'>,
  message: () => (Pick<MessageInput, 'template' | 'data' | 'delaySeconds'> & { readonly channel?: Channel }) | null,
) {
  let to = ''
  let isBusy = false
  let failure: ReturnType<typeof failureOf> | null = null
  let outcome: Outcome | null = null
  try {
    to = sessionStorage.getItem(NAME) ?? ''
  } catch {
    // Storage is disabled.
  }
  if (to === '') {
    // One's own address, where a person is signed in.
    api.ask(TestRecipient, { contact: '-' }).then(
      ({ viewer }) => {
        if (to === '') to = viewer.person?.email ?? ''
        update()
      },
      () => undefined,
    )
  }

  async function run(): Promise<void> {
    const sent = message()
    const name = to.trim()
    if (sent === null || name === '') return
    isBusy = true
    failure = null
    outcome = null
    update()
    try {
      const { contact } = await api.ask(TestRecipient, { contact: name })
      const isAddress = contact === null && name.includes('@')
      const isPhone = contact === null && /^\+[\d ().-]+$/.test(name)
      // Sending to an unknown externalId would create a contact.
      if (contact === null && !isAddress && !isPhone) throw new Error(`There is no contact "${name}".`)
      const { channel, ...content } = sent
      const byAddress: readonly Channel[] | null = isAddress ? ['EMAIL'] : isPhone ? ['SMS'] : null
      const channels = channel === undefined ? byAddress : [channel]
      const { sendMessages } = await api.ask(SendTest, {
        messages: [
          {
            ...content,
            contact: isAddress ? { email: name } : isPhone ? { phone: name } : { externalId: name },
            // A test goes to nobody else: not to those whom the template sends copies to.
            overrides: { email: { cc: '', bcc: '' } },
            channels: channels === null ? null : [...channels],
          },
        ],
      })
      outcome = sendMessages.results[0] ?? null
      try {
        sessionStorage.setItem(NAME, name)
      } catch {
        // Storage is disabled: it is typed again.
      }
    } catch (error) {
      failure = failureOf(error)
    }
    isBusy = false
    update()
  }

  const result = ({ ok, error, channelErrors, notification }: Outcome): TemplateResult => {
    if (!ok) return html`<div class="notice bad" role="alert"><p>${error?.message ?? 'It was refused.'}</p></div>`
    const failed = new Set(channelErrors.map(({ channel }) => channel))
    const sent = (notification?.channels ?? []).filter((channel) => !failed.has(channel))
    return html`<div class="notice ${sent.length > 0 ? 'good' : 'warn'}" role="status">
      <p>
        <strong>${sent.length === 0 ? 'Not sent on any channel' : `Sent: ${sent.map(channelLabel).join(', ')}`}</strong>.
        ${notification === null ? '' : html`<a href=${href(['notifications', notification.id])}>View notification</a>`}
      </p>
      ${channelErrors.map((one) => html`<p class="small">${channelLabel(one.channel)}: ${one.error.message}</p>`)}
    </div>`
  }
  return {
    view: (): TemplateResult | string =>
      message() === null
        ? ''
        : html`<div class="filters test">
              ${line({
                ...{
                  id: 'test-to',
                  label: 'Test it on',
                  hint: 'External id of a contact, e-mail address or phone number',
                  value: to,
                },
                change(value) {
                  to = value
                  update()
                },
              })}
              <button type="button" ?disabled=${isBusy || to.trim() === ''} @click=${() => void run()}>${isBusy ? 'Testing…' : 'Run test'}</button>
            </div>
            ${failure === null ? '' : refused(failure)} ${outcome === null ? '' : result(outcome)}`,
  }
}
