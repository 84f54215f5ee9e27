/** Signing in, with a project's API key. */
import { html, type TemplateResult } from 'lit'
import { line, submit } from './form.ts'
import { mark } from './mark.ts'
import { bareKey } from './session.ts'

/** What the form shows and does. */
export interface SignIn {
  /** why it is shown again */
  readonly notice: string | null
  readonly wrong: string | null
  readonly isBusy: boolean
  readonly key: string
  change(key: string): void
  enter(key: string): void
}

/** Draws it. */
export const signIn = ({ notice, wrong, isBusy, key, change, enter }: SignIn): TemplateResult => html`
  <main class="door">
    <div class="brand">${mark()}<span>Carillon</span></div>
    <div class="panel">
      <header><h1>Sign in</h1></header>
      <div class="body">
        ${notice === null ? '' : html`<div class="notice warn" role="status"><p>${notice}</p></div>`}
        <form @submit=${submit(() => enter(bareKey(key)))}>
          ${line({
            id: 'key',
            label: 'API key of the project',
            type: 'password',
            value: key,
            wrong,
            isRequired: true,
            hint: 'It stays in this tab and is forgotten when you close it.',
            change,
          })}
          <div class="buttons"><button class="primary" ?disabled=${isBusy || bareKey(key) === ''}>${isBusy ? 'Signing in…' : 'Sign in'}</button></div>
        </form>
      </div>
    </div>
    <p class="quiet small text">
      A server's first start prints a key. A backend makes more with <code>createApiKey</code>, and so does the page API keys here.
    </p>
  </main>
`
