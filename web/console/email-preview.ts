/** An e-mail as its readers may see it: on a phone or wider, light or dark, without images, as plain text; and its source. */
import { html, type TemplateResult } from 'lit'
import { AsyncDirective } from 'lit/async-directive.js'
import { directive, type ElementPart } from 'lit/directive.js'
import { dialog } from './dialog.ts'
import { asHtml, type EmailLook, quietEmail } from './email-frame.ts'

/** What is rendered of an e-mail. */
export interface RenderedEmail {
  readonly subject: string | null
  readonly html: string | null
  readonly text: string | null
}

/** Width of the frame, px. */
const widths = { Phone: 375, Tablet: 768, Desktop: 1200 } as const
type Device = keyof typeof widths
const devices = Object.keys(widths) as Device[]
const parts = ['Rendered', 'Plain text', 'Source'] as const

interface Framed {
  readonly source: string
  readonly title: string
  readonly width: number
  readonly scheme: EmailLook['scheme']
}

/**
 * A frame that is scaled to fit. The next version is loaded in another frame above it, which takes its place when it is there: so nothing
 * flickers while somebody types.
 */
class FrameDirective extends AsyncDirective {
  private box: HTMLElement | null = null
  private shown: HTMLIFrameElement | null = null
  private next: HTMLIFrameElement | null = null
  private framed: Framed | null = null
  private readonly resized = new ResizeObserver(() => this.scale())

  override render(_framed: Framed): void {}

  override update(part: ElementPart, [framed]: [Framed]): void {
    const before = this.framed
    this.framed = framed
    if (this.box === null) {
      this.box = part.element as HTMLElement
      this.resized.observe(this.box)
    }
    if (before?.source !== framed.source || before.scheme !== framed.scheme) this.load(this.box, framed)
    if (before?.width !== framed.width) this.scale()
    if (this.shown !== null) this.shown.title = framed.title
  }

  private load(box: HTMLElement, { source, title, scheme }: Framed): void {
    this.next?.remove()
    const frame = document.createElement('iframe')
    this.next = frame
    frame.setAttribute('sandbox', '')
    frame.setAttribute('aria-hidden', 'true')
    Object.assign(frame, { title, tabIndex: -1 })
    frame.style.colorScheme = scheme
    frame.srcdoc = asHtml(source)
    frame.addEventListener('load', () => {
      if (this.next !== frame) return
      this.shown?.remove()
      this.shown = frame
      this.next = null
      frame.className = 'shown'
      frame.removeAttribute('aria-hidden')
      frame.removeAttribute('tabindex')
    })
    box.append(frame)
    this.scale()
  }

  private scale(): void {
    if (this.box === null || this.framed === null) return
    const { clientWidth, clientHeight } = this.box
    const { width } = this.framed
    const scale = clientWidth === 0 ? 1 : Math.min(1, clientWidth / width)
    for (const frame of [this.shown, this.next]) {
      if (frame === null) continue
      Object.assign(frame.style, {
        ...{ width: `${width}px`, height: `${clientHeight / scale}px`, transform: `scale(${scale})` },
        left: `${Math.max(0, (clientWidth - width * scale) / 2)}px`,
      })
    }
  }

  override disconnected(): void {
    this.resized.disconnect()
  }
  override reconnected(): void {
    if (this.box !== null) this.resized.observe(this.box)
  }
}
const frame = directive(FrameDirective)

/** Creates the preview, with what is chosen for all e-mails of a page. */
export function createEmailPreview(update: () => void): { view(one: RenderedEmail): TemplateResult } {
  let device: Device = 'Phone'
  let isDark = false
  let isBlocked = false
  let isLarge = false
  let part: (typeof parts)[number] = 'Rendered'
  const toggle = (label: string, isOn: boolean, change: (isOn: boolean) => void): TemplateResult => {
    const click = (): void => {
      change(!isOn)
      update()
    }
    return html`<button type="button" class="small" aria-pressed=${isOn ? 'true' : 'false'} @click=${click}>${label}</button>`
  }
  const group = (label: string, buttons: readonly TemplateResult[]): TemplateResult =>
    html`<div class="buttons" role="group" aria-label=${label}>${buttons}</div>`

  const looks = (): TemplateResult => html`<div class="modes">
    ${group(
      'Width',
      devices.map((one) =>
        toggle(one, one === device, () => {
          device = one
        }),
      ),
    )}
    ${group('Appearance', [
      toggle('Dark', isDark, (isOn) => {
        isDark = isOn
      }),
      toggle('Block images', isBlocked, (isOn) => {
        isBlocked = isOn
      }),
    ])}
  </div>`
  const framed = (source: string, subject: string | null): TemplateResult => {
    const scheme: EmailLook['scheme'] = isDark ? 'dark' : 'light'
    const { html: quiet, removed } = quietEmail(source, { scheme, isBlocked })
    const options = { ...{ source: quiet, scheme, width: widths[device] }, title: `E-mail: ${subject ?? ''}` }
    return html`<div class="frames" ${frame(options)}></div>
      ${removed === 0 ? '' : html`<p class="quiet small">Remote images and other external content are not loaded here (${removed}).</p>`}`
  }
  const rendered = (source: string, subject: string | null): TemplateResult => {
    const enlarge = (isOn: boolean) => (): void => {
      isLarge = isOn
      update()
    }
    if (isLarge)
      return dialog({
        ...{ title: subject === null || subject === '' ? 'E-mail' : subject, isFull: true, close: enlarge(false) },
        body: html`${looks()}${framed(source, subject)}`,
      })
    return html`${looks()}${framed(source, subject)}
      <div class="buttons"><button type="button" class="small" @click=${enlarge(true)}>Enlarge</button></div>`
  }
  const pre = (label: string, text: string): TemplateResult =>
    html`<pre tabindex="0" role="group" aria-label=${label}>${text}</pre>`

  return {
    view({ subject, html: source, text }) {
      const plain = pre('Plain text', text ?? '')
      if (source === null || source === '') return plain
      return html`<div class="modes">
          ${group(
            'Part',
            parts.map((one) =>
              toggle(one, one === part, () => {
                part = one
              }),
            ),
          )}
        </div>
        ${part === 'Source' ? pre('Source of the e-mail', source) : part === 'Plain text' ? plain : rendered(source, subject)}`
    },
  }
}
