/** The sign-in form. It takes a project's API key or the operator's key; where there is an identity provider, people sign in there. */
import { html, type TemplateResult } from 'lit'
import { serverUrl } from '../server-url.ts'
import { bareKey } from '../session.ts'
import { line, submit } from './form.ts'
import { mark } from './mark.ts'

/** The state of the form, and what its controls do. */
export interface SignIn {
  /** why the session ended */
  readonly notice: string | null
  readonly wrong: string | null
  readonly isBusy: boolean
  readonly key: string
  /** the identity provider; null: there is none */
  readonly issuer: string | null
  /** Signs a person out who is signed in but has no role; null: nobody is. */
  readonly leave: (() => void) | null
  change(key: string): void
  enter(key: string): void
}

export const signIn = ({ notice, wrong, isBusy, key, issuer, leave, change, enter }: SignIn): TemplateResult => html`
  <main class="door">
    <div class="brand">${mark()}<span>Carillon</span></div>
    <div class="panel">
      <header><h1>Sign in</h1></header>
      <div class="body">
        ${notice === null ? '' : html`<div class="notice warn" role="status"><p>${notice}</p></div>`}
        ${issuer === null ? '' : people(issuer, leave)}
        <form @submit=${submit(() => enter(bareKey(key)))}>
          ${line({
            id: 'key',
            label: 'API key',
            type: 'password',
            value: key,
            wrong,
            isRequired: true,
            hint: 'It stays in this tab and is forgotten when you close it.',
            change,
          })}
          <div class="buttons"><button class=${issuer === null ? 'primary' : ''} ?disabled=${isBusy || bareKey(key) === ''}>${isBusy ? 'Signing in…' : 'Sign in'}</button></div>
        </form>
      </div>
    </div>
    <p class="quiet small text">
      The server prints a key when it is first started. Create more on the API keys page or with <code>createApiKey</code>.
    </p>
  </main>
`

/** Comes back to where the person was. */
const people = (issuer: string, leave: (() => void) | null): TemplateResult => html`
  <div class="buttons">
    <a class="button primary" href="${serverUrl('auth/sign-in')}?returnTo=${encodeURIComponent(`/${location.hash}`)}">Sign in with ${issuer}</a>
    ${leave === null ? '' : html`<button class="plain" @click=${leave}>Sign out</button>`}
  </div>
  <p class="quiet small">or with an API key of a project:</p>
`
