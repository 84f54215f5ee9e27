/** A notification and its messages. */
import { html, type TemplateResult } from 'lit'
import type { OneNotificationQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { recipient } from './activity.ts'
import { channelLabel } from './badge.ts'
import { copyButton } from './copy.ts'
import { shownJson } from './json.ts'
import { createLoad, createThrottle, empty, failureOf, loaded } from './load.ts'
import { messagePanel } from './message.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createSource } from './source.ts'
import { count, when } from './time.ts'

const OneNotification = graphql(`
  query OneNotification($id: ID!) {
    notification(id: $id) {
      id key transactionId channels data createdAt sendAt canceledAt
      template { key name }
      contact { externalId firstName lastName }
      actor { externalId }
      warnings { field }
      messages {
        __typename id channel status createdAt sentAt deliveredAt
        error { code message retryable }
        history { status at detail }
        attempts { number startedAt durationMs ok response error { code message retryable } provider { key kind } }
        ... on OutboundMessage { address subject text html providerMessageId provider { key kind } }
        ... on InAppMessage { title body url count feed severity seenAt readAt archivedAt snoozedUntil deletedAt primaryAction { label status } secondaryAction { label status } }
      }
    }
  }
`)

const NotificationChanges = graphql(`
  subscription NotificationChanges($filter: NotificationFilter) { notificationChanged(filter: $filter) { notification { id } } }
`)

const RetryMessage = graphql(`
  mutation RetryMessage($messages: [ID!]) { retryMessages(messages: $messages) { retriedCount } }
`)

const CancelTransaction = graphql(`
  mutation CancelTransaction($transactionId: ID!) { cancel(transactionId: $transactionId) { canceledCount alreadySentCount } }
`)

type Found = NonNullable<OneNotificationQuery['notification']>
const REFRESH_MS = 300
const cancelable: readonly string[] = ['SCHEDULED', 'QUEUED', 'SENDING']

export function openNotification(deps: Deps, { path }: Route): Page {
  const { api, update, say, ask } = deps
  const id = path[1] ?? ''
  let unwatch = (): void => {}
  let followed = ''
  let isLeft = false
  const found = createLoad(async () => {
    const { notification } = await api.ask(OneNotification, { id })
    if (notification !== null && notification !== undefined) follow(notification.transactionId)
    return { notification: notification ?? null }
  }, update)
  const source = createSource(deps, () =>
    found.value?.notification
      ? { name: 'notification', document: OneNotification, variables: { id }, value: found.value.notification }
      : null,
  )
  const refresh = createThrottle(() => void found.run(), REFRESH_MS)

  function follow(transactionId: string): void {
    if (isLeft || followed === transactionId) return
    followed = transactionId
    unwatch()
    unwatch = api.watch(
      NotificationChanges,
      { filter: { transactionId } },
      {
        next: ({ notificationChanged }) => {
          if (notificationChanged.notification.id === id) refresh()
        },
        resumed: refresh,
      },
    )
  }

  async function retry(messageId: string, isUnknown: boolean): Promise<void> {
    const isSure =
      !isUnknown ||
      (await ask({
        title: 'This message may arrive twice',
        text: 'It is unknown whether the provider accepted this message. If it did, resending delivers it a second time.',
        action: 'Resend',
        isDangerous: true,
      }))
    if (!isSure) return
    try {
      const { retryMessages } = await api.ask(RetryMessage, { messages: [messageId] })
      say(retryMessages.retriedCount === 0 ? 'This message can no longer be resent.' : 'The message was queued again.')
      await found.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  async function cancel(transactionId: string): Promise<void> {
    const isSure = await ask({
      title: 'Cancel the whole transaction?',
      text: 'Messages that have not been sent yet will not be sent, to any recipient. Unseen in-app messages are retracted. Messages already sent cannot be recalled.',
      action: 'Cancel transaction',
      refusal: 'Keep it',
      isDangerous: true,
    })
    if (!isSure) return
    try {
      const { cancel: done } = await api.ask(CancelTransaction, { transactionId })
      say(`${count(done.canceledCount)} canceled, ${count(done.alreadySentCount)} already sent.`)
      await found.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const facts = (one: Found): TemplateResult => html`
    <section class="panel" aria-label="Notification details">
      <header><h2>Notification</h2></header>
      <div class="body">
        <dl class="facts">
          <dt>To</dt>
          <dd>${one.contact ? html`<a href=${href(['contacts', one.contact.externalId])}>${one.contact.externalId}</a>` : recipient(one)}</dd>
          <dt>Template</dt>
          <dd>${one.template ? html`<a href=${href(['templates', one.template.key])}>${one.template.name}</a>` : '–'}</dd>
          <dt>Accepted</dt>
          <dd>${when(one.createdAt, 'full')}</dd>
          ${one.sendAt ? html`<dt>Scheduled for</dt><dd>${when(one.sendAt, 'full')}</dd>` : ''}
          ${one.canceledAt ? html`<dt>Canceled</dt><dd>${when(one.canceledAt, 'full')}</dd>` : ''}
          ${one.actor ? html`<dt>Actor</dt><dd><a href=${href(['contacts', one.actor.externalId])}>${one.actor.externalId}</a></dd>` : ''}
          <dt>Channels</dt>
          <dd class="badges">${one.channels.map((channel) => html`<span class="badge bare">${channelLabel(channel)}</span>`)}</dd>
          <dt>Your id</dt>
          <dd class="mono">${one.key ?? '–'}${one.key === null ? '' : copyButton(say, 'your id', one.key)}</dd>
          <dt>Transaction id</dt>
          <dd class="mono"><a href=${href(['activity'], { transaction: one.transactionId })}>${one.transactionId}</a>${copyButton(say, 'transaction id', one.transactionId)}</dd>
          <dt>Notification id</dt>
          <dd class="mono">${one.id}${copyButton(say, 'notification id', one.id)}</dd>
        </dl>
        <h3>Data</h3>
        ${Object.keys(one.data).length === 0 ? html`<p class="quiet small">No data.</p>` : shownJson(one.data)}
        ${one.warnings.length > 0 ? html`<p class="quiet small">Missing variables: ${one.warnings.map(({ field }) => field).join(', ')}</p>` : ''}
      </div>
    </section>
  `

  const content = (one: Found): TemplateResult => html`
    ${facts(one)}
    ${
      one.messages.length === 0
        ? html`<div class="panel">${empty('Merged', 'This notification was merged into an unread in-app message with the same incrementId.')}</div>`
        : one.messages.map((message) => messagePanel(message, (isUnknown) => void retry(message.id, isUnknown)))
    }
  `

  void found.run()
  return {
    title: () => found.value?.notification?.template?.name ?? 'Notification',
    view: () => {
      const one = found.value?.notification ?? null
      return html`
        <div class="head">
          <p class="crumb"><a href=${href(['activity'])}>Activity</a></p>
          <h1 tabindex="-1">${one === null ? 'Notification' : `${one.template?.name ?? 'Notification'} to ${recipient(one)}`}</h1>
          <div class="actions">
            ${source.buttons()}
            ${
              one?.messages.some(({ status }) => cancelable.includes(status)) === true
                ? html`<button data-needs="SEND" class="danger" @click=${() => void cancel(one.transactionId)}>Cancel transaction</button>`
                : ''
            }
          </div>
        </div>
        ${loaded(found, ({ notification }) =>
          notification === null
            ? html`<div class="panel">${empty('Notification not found', html`It may have been deleted with its contact, or belong to another project. Go to <a href=${href(['activity'])}>Activity</a>.`)}</div>`
            : content(notification),
        )}
        ${source.view()}
      `
    },
    close() {
      isLeft = true
      unwatch()
      refresh.stop()
    },
  }
}
