/** The API keys of the project. A secret is shown once, when the key is created. */
import { html, type TemplateResult } from 'lit'
import type { ApiKeyListQuery, RotateKeyMutation, Scope } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { dialog } from './dialog.ts'
import { check, line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { table } from './table.ts'
import { instantOf, when, zoneName } from './time.ts'
import { createWholeList, type SortableColumn } from './whole-list.ts'

const ApiKeyList = graphql(`
  query ApiKeyList {
    apiKeys { id name prefix scopes createdAt expiresAt lastUsedAt revokedAt }
    viewer { scopes apiKey { id } }
  }
`)

const MakeApiKey = graphql(`
  mutation MakeApiKey($name: String!, $scopes: [Scope!], $expiresAt: DateTime) {
    createApiKey(name: $name, scopes: $scopes, expiresAt: $expiresAt) { apiKey { name } secret }
  }
`)

const RotateKey = graphql(`
  mutation RotateKey($revokeKeys: Boolean!, $revokeTokens: Boolean!) {
    rotateSecretKey(revokeKeys: $revokeKeys, revokeTokens: $revokeTokens) {
      accessKey secretKey tokensRevoked validKeys { id name prefix } revokedKeys { id name prefix }
    }
  }
`)

const RevokeKey = graphql(`
  mutation RevokeKey($id: ID!) { revokeApiKey(id: $id) { id } }
`)

type Row = ApiKeyListQuery['apiKeys'][number]
type Rotated = RotateKeyMutation['rotateSecretKey']
interface NewKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** as the control has it; empty: never */
  readonly expires: string
  readonly secret: string | null
}
interface Rotation {
  readonly revokeKeys: boolean
  readonly revokeTokens: boolean
  readonly done: Rotated | null
}

const scopeHints = {
  SEND: 'Send: send, and read what was sent',
  READ: 'Read: read everything',
  MANAGE: 'Manage: change settings, erase contacts',
  KEYS: 'Keys: create and revoke API keys',
} satisfies Record<Scope, string>
const scopeNames = Object.keys(scopeHints) as Scope[]
/** `send, read`, or that it is all of them. */
const scopeList = (scopes: readonly Scope[]): string =>
  scopes.length === scopeNames.length ? 'all scopes' : scopes.map((scope) => scope.toLowerCase()).join(', ')
const isExpired = ({ expiresAt }: Row): boolean => expiresAt !== null && new Date(expiresAt).getTime() <= Date.now()

export function openKeys(deps: Deps, first: Route): Page {
  const { api, update, say, ask } = deps
  let route = first
  let making: NewKey | null = null
  let rotating: Rotation | null = null
  const list = createLoad(() => api.ask(ApiKeyList, {}), update)
  const whole = createWholeList<Row>(
    deps,
    () => route,
    'name and prefix',
    ({ name, prefix }) => [name, prefix],
  )
  const set = (next: NewKey | null): void => {
    making = next
    update()
  }
  const turn = (next: Rotation | null): void => {
    rotating = next
    update()
  }
  const own = (): readonly Scope[] => list.value?.viewer.scopes ?? scopeNames
  const begin = (): void => set({ name: '', scopes: own(), expires: '', secret: null })
  async function make(one: NewKey): Promise<void> {
    const expiresAt = instantOf(one.expires)
    const name = one.name.trim()
    try {
      const { createApiKey } = await api.ask(MakeApiKey, { name, scopes: [...one.scopes], expiresAt })
      set({ ...one, name, secret: createApiKey.secret })
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  async function rotate(one: Rotation): Promise<void> {
    try {
      const { rotateSecretKey } = await api.ask(RotateKey, { revokeKeys: one.revokeKeys, revokeTokens: one.revokeTokens })
      turn({ ...one, done: rotateSecretKey })
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  async function revoke({ id, name }: Row): Promise<void> {
    const text =
      'Requests with this key will be rejected, including those of this console if it uses the key. This cannot be undone.'
    if (!(await ask({ title: `Revoke the key ${name}?`, text, action: 'Revoke', isDangerous: true }))) return
    try {
      await api.ask(RevokeKey, { id })
      say(`API key ${name} revoked.`)
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  const copy = (secret: string) => async () => {
    try {
      await navigator.clipboard.writeText(secret)
      say('Copied.')
    } catch {
      say('The browser does not allow copying. Select the key and copy it manually.', 'bad')
    }
  }
  const withScope = (one: NewKey, scope: Scope, isOn: boolean): readonly Scope[] =>
    scopeNames.filter((name) => (name === scope ? isOn : one.scopes.includes(name)))
  const secretOf = (secret: string, close: () => void): TemplateResult =>
    html`<p class="secret">${secret}</p>
      <div class="buttons end">
        <button @click=${copy(secret)}>Copy</button>
        <button class="primary" @click=${close}>Done</button>
      </div>`
  const form = (one: NewKey): TemplateResult =>
    dialog({
      title: one.secret === null ? 'New API key' : `API key ${one.name}`,
      close: () => set(null),
      body:
        one.secret === null
          ? html`<form @submit=${submit(() => make(one))}>
              ${line({ id: 'key-name', label: 'Name', value: one.name, isRequired: true, change: (name) => set({ ...one, name }) })}
              <fieldset>
                <legend>Scopes</legend>
                ${scopeNames.map((scope) =>
                  check(
                    `key-${scope}`,
                    scopeHints[scope],
                    one.scopes.includes(scope),
                    (isOn) => set({ ...one, scopes: withScope(one, scope, isOn) }),
                    !own().includes(scope),
                  ),
                )}
              </fieldset>
              ${line({
                id: 'key-expires',
                label: 'Expires',
                type: 'datetime-local',
                value: one.expires,
                hint: `In ${zoneName()}. Leave empty for a key that never expires`,
                change: (expires) => set({ ...one, expires }),
              })}
              <div class="buttons end">
                <button class="primary" ?disabled=${one.name.trim() === '' || one.scopes.length === 0}>Create</button>
              </div>
            </form>`
          : html`<p>Copy this key now. It will not be shown again.</p>
              ${secretOf(one.secret, () => set(null))}`,
    })
  const names = (keys: Rotated['validKeys']): TemplateResult =>
    html`<ul>
      ${keys.map(({ name, prefix }) => html`<li>${name} <span class="mono quiet">${prefix}…</span></li>`)}
    </ul>`
  const rotation = (one: Rotation): TemplateResult =>
    dialog({
      title: one.done === null ? 'Rotate the secret key' : 'New secret key',
      close: () => turn(null),
      body:
        one.done === null
          ? html`<p>
                Replaces the secret key that access tokens are issued with. The old one is rejected immediately. API keys stay valid, and so do
                access tokens for up to an hour.
              </p>
              <form @submit=${submit(() => rotate(one))}>
                ${check('revoke-keys', 'Also revoke all other API keys', one.revokeKeys, (revokeKeys) => turn({ ...one, revokeKeys }))}
                ${check('revoke-tokens', 'Also revoke all access tokens', one.revokeTokens, (revokeTokens) => turn({ ...one, revokeTokens }))}
                <div class="buttons end">
                  <button type="button" @click=${() => turn(null)}>Cancel</button>
                  <button class="primary danger">Rotate</button>
                </div>
              </form>`
          : html`<p>Copy the secret key at the end of this dialog now. It will not be shown again. The access key has not changed:</p>
              <p class="secret">${one.done.accessKey}</p>
              <p>Still valid:</p>
              ${names(one.done.validKeys)}
              ${one.done.revokedKeys.length === 0 ? '' : html`<p>Revoked:</p>${names(one.done.revokedKeys)}`}
              <p>${one.done.tokensRevoked ? 'Access tokens were revoked.' : 'Access tokens that were issued before stay valid for up to an hour.'}</p>
              ${secretOf(one.done.secretKey, () => turn(null))}`,
    })
  const rows = (keys: readonly Row[]): TemplateResult =>
    keys.length === 0
      ? empty('No API keys', '')
      : table<Row>({
          caption: 'API keys',
          rows: whole.rows(keys, columns),
          key: ({ id }) => id,
          columns: whole.columns(columns),
        })
  const columns: readonly SortableColumn<Row>[] = [
    {
      head: 'Name',
      by: ({ name }) => name,
      cell: ({ name, prefix, scopes }) =>
        html`${name}<span class="sub mono">${prefix}…</span><span class="sub">${scopeList(scopes)}</span>`,
    },
    { head: 'Created', class: 'minor time', by: ({ createdAt }) => createdAt, cell: ({ createdAt }) => when(createdAt) },
    {
      head: 'Expires',
      by: ({ expiresAt }) => expiresAt,
      class: 'minor time',
      cell: ({ expiresAt }) => (expiresAt === null ? 'never' : when(expiresAt)),
    },
    {
      head: 'Last used',
      by: ({ lastUsedAt }) => lastUsedAt,
      class: 'minor time',
      cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : when(lastUsedAt)),
    },
    {
      head: 'Status',
      class: 'keep',
      cell: (row) =>
        row.revokedAt !== null
          ? html`${badge('Revoked')} <span class="minor">${when(row.revokedAt)}</span>`
          : isExpired(row)
            ? badge('Expired', 'warn')
            : badge('Active', 'good'),
    },
    {
      head: '',
      class: 'act',
      cell: (row) =>
        row.revokedAt === null
          ? html`<button class="small danger" aria-label="Revoke ${row.name}" @click=${() => void revoke(row)}>Revoke</button>`
          : '',
    },
  ]
  void list.run()
  return {
    title: () => 'API keys',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">API keys</h1>
        <div class="actions">
          <button @click=${() => turn({ revokeKeys: false, revokeTokens: false, done: null })}>Rotate secret key</button>
          <button class="primary" @click=${begin}>New API key</button>
        </div>
      </div>
      ${whole.searchForm()}
      <div class="panel">${loaded(list, ({ apiKeys }) => rows(apiKeys))}</div>
      ${making === null ? '' : form(making)} ${rotating === null ? '' : rotation(rotating)}
    `,
    moved(to) {
      route = to
      update()
    },
    close: whole.stop,
  }
}
