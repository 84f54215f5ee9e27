/** One channel of a preview, drawn as its reader would meet it. */
import { html, type TemplateResult } from 'lit'
import type { Channel } from '../generated/graphql.ts'
import { badge, channelLabel } from './badge.ts'
import { emailFrame } from './email-frame.ts'
import type { PreviewedChannel } from './template-preview.ts'

const titled = ({ title, body }: PreviewedChannel): TemplateResult =>
  html`${(title ?? '') === '' ? '' : html`<strong>${title}</strong>`}<p class="body">${body}</p>`

const inbox = (one: PreviewedChannel): TemplateResult => html`<div class="card row-like">
  <span class="dot" title="unread"></span>
  <div>${titled(one)}</div>
  <span class="quiet small">now</span>
</div>`

const email = ({ subject, html: mail, text }: PreviewedChannel): TemplateResult => html`
  <p><strong>${subject}</strong></p>
  ${(mail ?? '') === '' ? '' : emailFrame(mail ?? '', subject ?? '')}
  ${(text ?? '') === '' ? '' : html`<pre tabindex="0" role="group" aria-label="Plain text">${text}</pre>`}
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

const drawings = {
  IN_APP: inbox,
  EMAIL: email,
  SMS: sms,
  PUSH: push,
  WEB_PUSH: push,
  CHAT: (one) => html`<div class="bubble">${titled(one)}</div>`,
  ALIMTALK: (one) => html`<div class="bubble">${titled(one)}</div>`,
  FRIENDTALK: (one) => html`<div class="bubble">${titled(one)}</div>`,
  WEBHOOK: plain,
} satisfies Record<Channel, (one: PreviewedChannel) => TemplateResult>

const saysNothing = ({ subject, title, body, html: mail, text }: PreviewedChannel): boolean =>
  [subject, title, body, mail, text].every((part) => (part ?? '') === '')

/** Draws it. */
export const previewCard = (one: PreviewedChannel): TemplateResult => html`
  <section class="previewed" aria-label="Preview of ${channelLabel(one.channel)}">
    <div class="buttons">
      <h3>${channelLabel(one.channel)}</h3>
      ${one.wouldSend ? badge('Would be sent', 'good') : badge('Would not be sent', 'warn')}
      ${one.truncated ? badge('Cut by the platform', 'warn') : ''}
      <span class="quiet small">${one.address ?? ''}${one.provider ? ` through ${one.provider}` : ''}</span>
    </div>
    ${one.reason ? html`<p class="small">${one.reason.message} <span class="quiet mono">${one.reason.code}</span></p>` : ''}
    ${saysNothing(one) ? '' : drawings[one.channel](one)}
  </section>
`
