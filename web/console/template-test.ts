/** Sends a template to one contact or address, with the data of its preview. */
import { html, type TemplateResult } from 'lit'
import type { Deps } from './page.ts'
import { createTestSend } from './test-send.ts'

/** The template that is sent. */
export interface TestedTemplate {
  readonly key: string
  /** the data of the preview; null: it can't be read yet */
  data(): Record<string, unknown> | null
  /** Why it can't be sent yet; null: it can. */
  obstacle(): string | null
  /** A digest takes no time of its own; any other is sent now, whatever the delay of the template is. */
  isDigest(): boolean
}

/** Nothing is asked of the server before somebody opens it. */
export function createTemplateTest(
  { api, update }: Pick<Deps, 'api' | 'update'>,
  { key, data, obstacle, isDigest }: TestedTemplate,
): { view(): TemplateResult } {
  let test: ReturnType<typeof createTestSend> | null = null
  const toggle = ({ currentTarget }: Event): void => {
    if ((currentTarget as HTMLDetailsElement).open)
      test ??= createTestSend({ api, update }, () => {
        const given = data()
        return given === null ? null : { template: key, data: given, ...(isDigest() ? {} : { delaySeconds: 0 }) }
      })
    update()
  }
  return {
    view() {
      const reason = obstacle()
      return html`<details data-needs="SEND" @toggle=${toggle}>
        <summary>Send a test</summary>
        <div class="form">
          ${reason === null ? (test?.view() ?? '') : html`<p class="quiet small">${reason}</p>`}
          ${test !== null && reason === null && data() === null ? html`<p class="quiet small">Its data is not JSON yet.</p>` : ''}
        </div>
      </details>`
    },
  }
}
