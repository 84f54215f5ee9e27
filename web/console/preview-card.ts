/** The preview of a template on one channel, styled like the real thing. */
import { html, type TemplateResult } from 'lit'
import type { Channel, ShowPreviewQuery } from '../generated/graphql.ts'
import { badge, channelLabel } from './badge.ts'
import type { createEmailPreview } from './email-preview.ts'

/** The preview of a template on one channel. */
export type PreviewedChannel = ShowPreviewQuery['preview']['channels'][number]

type Emails = ReturnType<typeof createEmailPreview>

const titled = ({ title, body }: PreviewedChannel): TemplateResult =>
  html`${(title ?? '') === '' ? '' : html`<strong>${title}</strong>`}<p class="body">${body}</p>`

const inbox = (one: PreviewedChannel): TemplateResult => html`<div class="card row-like">
  <span class="dot" title="unread"></span>
  <div>${titled(one)}</div>
  <span class="quiet small">now</span>
</div>`

/** The header fields of an e-mail; those that it does not have are left out. */
const headers = ({ from, address, replyTo, cc, bcc, suppressedCopies }: PreviewedChannel): TemplateResult => {
  const fields = [
    ['From', from ?? 'Set by the provider'],
    ['To', address],
    ['Reply-To', replyTo],
    ['Cc', cc.join(', ')],
    ['Bcc', bcc.join(', ')],
    ['Suppressed', suppressedCopies.join(', ')],
  ] as const
  return html`<dl class="facts">
    ${fields.map(([name, value]) => ((value ?? '') === '' ? '' : html`<dt>${name}</dt><dd>${value}</dd>`))}
  </dl>`
}

const email = (one: PreviewedChannel, emails: Emails): TemplateResult => html`
  ${headers(one)}
  <p><strong>${one.subject}</strong></p>
  ${emails.view(one)}
`

const sms = (one: PreviewedChannel): TemplateResult => html`
  <div class="bubble">${titled(one)}</div>
  ${
    one.sms
      ? html`<p class="quiet small">
          ${one.sms.encoding} · ${one.sms.characters} characters · ${one.sms.segments} ${one.sms.segments === 1 ? 'segment' : 'segments'} · ${one.sms.bytes} bytes
        </p>`
      : ''
  }
`

const push = (one: PreviewedChannel): TemplateResult => html`<div class="card push">${titled(one)}</div>`
const plain = (one: PreviewedChannel): TemplateResult =>
  html`<pre tabindex="0" role="group" aria-label="Text">${one.body ?? one.text ?? ''}</pre>`

const renderers = {
  IN_APP: inbox,
  EMAIL: email,
  SMS: sms,
  PUSH: push,
  WEB_PUSH: push,
  CHAT: (one) => html`<div class="bubble">${titled(one)}</div>`,
  ALIMTALK: (one) => html`<div class="bubble">${titled(one)}</div>`,
  FRIENDTALK: (one) => html`<div class="bubble">${titled(one)}</div>`,
  WEBHOOK: plain,
} satisfies Record<Channel, (one: PreviewedChannel, emails: Emails) => TemplateResult>

const isEmpty = ({ subject, title, body, html: mail, text }: PreviewedChannel): boolean =>
  [subject, title, body, mail, text].every((part) => (part ?? '') === '')

/** Draws it. */
export const previewCard = (one: PreviewedChannel, emails: Emails): TemplateResult => html`
  <section class="previewed" aria-label="Preview of ${channelLabel(one.channel)}">
    <div class="buttons">
      <h3>${channelLabel(one.channel)}</h3>
      ${one.wouldSend ? badge('Would be sent', 'good') : badge('Would not be sent', 'warn')}
      ${one.truncated ? badge('Truncated by the platform', 'warn') : ''}
      <span class="quiet small">${one.address ?? ''}${one.provider ? ` via ${one.provider}` : ''}</span>
    </div>
    ${one.reason ? html`<p class="small">${one.reason.message} <span class="quiet mono">${one.reason.code}</span></p>` : ''}
    ${isEmpty(one) ? '' : renderers[one.channel](one, emails)}
  </section>
`
