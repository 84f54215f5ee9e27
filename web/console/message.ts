/** A message: its status and error, its timeline, and its content. */
import { html, type TemplateResult } from 'lit'
import type { OneNotificationQuery } from '../generated/graphql.ts'
import { badge, channelLabel, statusBadge, statusLabel } from './badge.ts'
import { emailFrame } from './email-frame.ts'
import { duration, when } from './time.ts'

type AnyMessage = NonNullable<OneNotificationQuery['notification']>['messages'][number]
type Attempt = AnyMessage['attempts'][number]
type Event = AnyMessage['history'][number]

/** `retry` is called with whether the outcome of the message is unknown. */
export function messagePanel(message: AnyMessage, retry: (isUnknown: boolean) => void): TemplateResult {
  const { channel, status } = message
  const title = `message-${message.id}`
  return html`<section class="panel" aria-labelledby=${title}>
    <header>
      <h2 id=${title}>${channelLabel(channel)}</h2>
      ${statusBadge(status)}
      <span class="quiet small">${addressed(message)}</span>
      ${
        status === 'FAILED' || status === 'UNKNOWN'
          ? html`<span class="end"><button data-needs="SEND" class="small" @click=${() => retry(status === 'UNKNOWN')}>Resend</button></span>`
          : ''
      }
    </header>
    <div class="body">
      ${why(message)}
      <div class="columns">
        <div class="form">
          <h3>Timeline</h3>
          <ol class="steps">
            ${steps(message)}
          </ol>
        </div>
        <div class="form">
          <h3>Content</h3>
          ${contentOf(message)}
        </div>
      </div>
    </div>
  </section>`
}

function addressed(message: AnyMessage): string {
  if (message.__typename === 'InAppMessage')
    return message.feed === 'default' || message.feed === '' ? '' : `feed ${message.feed}`
  if (message.__typename !== 'OutboundMessage') return ''
  const to = message.address ?? ''
  return message.provider ? `${to} via ${message.provider.key}` : to
}

function why({ error, status }: AnyMessage): TemplateResult | string {
  if (error === null || error === undefined) return ''
  const tone = status === 'FAILED' ? 'bad' : status === 'UNKNOWN' ? 'warn' : ''
  const head = status === 'SKIPPED' ? 'Not sent: ' : status === 'QUEUED' ? 'Will be retried. Last error: ' : ''
  return html`<div class="notice ${tone}">
    <p>${head}<strong>${error.message}</strong></p>
    <p class="quiet small"><span class="mono">${error.code}</span>${error.retryable ? ' · retryable' : ''}</p>
  </div>`
}

/** Statuses and attempts in one timeline. Each attempt replaces the SENDING status that it began with. */
function steps({ history, attempts }: AnyMessage): TemplateResult[] {
  const rest = [...attempts]
  const shown = history.map((event) => {
    const attempt = event.status === 'SENDING' ? rest.shift() : undefined
    return attempt === undefined ? statusStep(event) : attemptStep(attempt)
  })
  return [...shown, ...rest.map(attemptStep)]
}

const tones: Partial<Record<AnyMessage['status'], string>> = { FAILED: 'bad', UNKNOWN: 'warn', SENT: 'good', DELIVERED: 'good' }

const statusStep = ({ status, at, detail }: Event): TemplateResult => html`
  <li class="step ${tones[status] ?? ''}">
    <span>${statusLabel(status)}${(detail ?? '') === '' ? '' : html` <span class="quiet mono">${detail}</span>`}</span>
    ${when(at, 'exact')}
  </li>
`

const attemptStep = ({ number, provider, durationMs, ok, response, error, startedAt }: Attempt): TemplateResult => html`
  <li class="step attempt ${ok ? '' : 'bad'}">
    <span>
      Attempt ${number}${provider ? html` via <span class="mono">${provider.key}</span>` : ''}${
        durationMs === null || durationMs === undefined ? '' : html` <span class="quiet unbroken">${duration(durationMs)}</span>`
      }
      ${error ? html`<span class="sub">${error.message} <span class="mono">${error.code}</span></span>` : ''}
      ${(response ?? '') === '' ? '' : html`<pre tabindex="0" role="group" aria-label="Provider response">${response}</pre>`}
    </span>
    ${when(startedAt, 'exact')}
  </li>
`

function contentOf(message: AnyMessage): TemplateResult {
  if (message.__typename === 'InAppMessage') {
    const {
      title,
      body,
      url,
      count,
      severity,
      seenAt,
      readAt,
      archivedAt,
      snoozedUntil,
      deletedAt,
      primaryAction,
      secondaryAction,
    } = message
    if (body === '') return html`<p class="quiet small">Will be rendered when it is due.</p>`
    return html`<div class="card">
        ${(title ?? '') === '' ? '' : html`<strong>${title}</strong>`}
        <p class="body">${body}</p>
        ${(url ?? '') === '' ? '' : html`<p class="quiet small mono">${url}</p>`}
        ${[primaryAction, secondaryAction].map((action) => (action ? badge(`${action.label}${action.status === 'DONE' ? ' ✓' : ''}`) : ''))}
      </div>
      <dl class="facts">
        <dt>Seen</dt>
        <dd>${when(seenAt)}</dd>
        <dt>Read</dt>
        <dd>${when(readAt)}</dd>
        ${severity === 'NORMAL' ? '' : html`<dt>Severity</dt><dd>${severity.charAt(0)}${severity.slice(1).toLowerCase()}</dd>`}
        ${archivedAt ? html`<dt>Archived</dt><dd>${when(archivedAt)}</dd>` : ''}
        ${snoozedUntil ? html`<dt>Snoozed until</dt><dd>${when(snoozedUntil)}</dd>` : ''}
        ${deletedAt ? html`<dt>Deleted by the reader</dt><dd>${when(deletedAt)}</dd>` : ''}
        ${count > 1 ? html`<dt>Merged</dt><dd>${count} messages</dd>` : ''}
      </dl>`
  }
  if (message.__typename !== 'OutboundMessage') return html``
  const { subject, text, html: mail, providerMessageId } = message
  if ((subject ?? text ?? mail ?? null) === null) return html`<p class="quiet small">No content.</p>`
  return html`
    ${(subject ?? '') === '' ? '' : html`<p><strong>${subject}</strong></p>`}
    ${(mail ?? '') === '' ? '' : emailFrame(mail ?? '', subject ?? 'E-mail')}
    ${(text ?? '') === '' ? '' : html`<pre tabindex="0" role="group" aria-label="Text">${text}</pre>`}
    ${(providerMessageId ?? '') === '' ? '' : html`<p class="quiet small">Provider message id: <span class="mono">${providerMessageId}</span></p>`}
  `
}
