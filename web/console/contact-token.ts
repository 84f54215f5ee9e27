/** Issues a token for a contact, as a backend does for its inbox. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import { copy } from './copy.ts'
import { dialog } from './dialog.ts'
import { choice, submit } from './form.ts'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'

const IssueToken = graphql(`
  mutation IssueToken($contact: ID!, $ttlSeconds: Int!) { createContactToken(contact: $contact, ttlSeconds: $ttlSeconds) { token } }
`)

const lifetimes = [
  ['600', '10 minutes'],
  ['3600', 'One hour'],
  ['86400', 'One day'],
] as const

/** Creates the dialog. */
export function createTokenDialog({ api, update, say }: Pick<Deps, 'api' | 'update' | 'say'>, contact: string) {
  let isOpen = false
  let ttl = '3600'
  let token: string | null = null
  const close = (): void => {
    isOpen = false
    token = null
    update()
  }
  async function issue(): Promise<void> {
    try {
      token = (await api.ask(IssueToken, { contact, ttlSeconds: Number(ttl) })).createContactToken.token
      update()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  return {
    open(): void {
      isOpen = true
      update()
    },
    view(): TemplateResult | string {
      if (!isOpen) return ''
      const issued = token
      return dialog({
        title: `Token for ${contact}`,
        close,
        body:
          issued === null
            ? html`<form @submit=${submit(issue)}>
                <p>With it, a page or an app shows this contact's inbox. Anyone who has it can read what the contact was sent.</p>
                ${choice({ id: 'token-ttl', label: 'Valid for', value: ttl, options: lifetimes, change: (value) => (ttl = value) })}
                <div class="buttons end"><button class="primary">Issue token</button></div>
              </form>`
            : html`<p>Copy this token now. It will not be shown again.</p>
                <p class="secret">${issued}</p>
                <div class="buttons end">
                  <button @click=${() => void copy(say, issued)}>Copy</button>
                  <button class="primary" @click=${close}>Done</button>
                </div>`,
      })
    },
  }
}
