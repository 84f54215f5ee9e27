/** API keys: who may act for the project. A secret is shown once, when it is made. */
import { html, type TemplateResult } from 'lit'
import type { ApiKeyListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { dialog } from './dialog.ts'
import { line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { table } from './table.ts'
import { when } from './time.ts'

const ApiKeyList = graphql(`
  query ApiKeyList { apiKeys { id name prefix createdAt lastUsedAt revokedAt } }
`)

const MakeApiKey = graphql(`
  mutation MakeApiKey($name: String!) { createApiKey(name: $name) { apiKey { name } secret } }
`)

const RevokeKey = graphql(`
  mutation RevokeKey($id: ID!) { revokeApiKey(id: $id) { id } }
`)

type Row = ApiKeyListQuery['apiKeys'][number]
type Making = { readonly name: string; readonly secret: string | null }

/** Opens the page. */
export function openKeys({ api, update, say, ask }: Deps): Page {
  let making: Making | null = null
  const list = createLoad(async () => (await api.ask(ApiKeyList, {})).apiKeys, update)
  const set = (next: Making | null): void => {
    making = next
    update()
  }
  async function make(name: string): Promise<void> {
    try {
      const { createApiKey } = await api.ask(MakeApiKey, { name: name.trim() })
      set({ name: name.trim(), secret: createApiKey.secret })
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  async function revoke({ id, name }: Row): Promise<void> {
    const text = 'Whoever uses this key is refused from now on, this page too if it is its own. This can not be taken back.'
    if (!(await ask({ title: `Revoke the key ${name}?`, text, action: 'Revoke', isDangerous: true }))) return
    try {
      await api.ask(RevokeKey, { id })
      say(`The key ${name} was revoked.`)
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  const copy = (secret: string) => async () => {
    try {
      await navigator.clipboard.writeText(secret)
      say('The key was copied.')
    } catch {
      say('The browser does not allow copying here: select the key and copy it.', 'bad')
    }
  }
  const form = (one: Making): TemplateResult =>
    dialog({
      title: one.secret === null ? 'New API key' : `The key ${one.name}`,
      close: () => set(null),
      body:
        one.secret === null
          ? html`<form @submit=${submit(() => make(one.name))}>
              ${line({ id: 'key-name', label: 'What it is for', value: one.name, isRequired: true, change: (name) => set({ name, secret: null }) })}
              <div class="buttons end"><button class="primary" ?disabled=${one.name.trim() === ''}>Make it</button></div>
            </form>`
          : html`<p>This is the only time that it is shown.</p>
              <p class="secret">${one.secret}</p>
              <div class="buttons end">
                <button @click=${copy(one.secret)}>Copy</button>
                <button class="primary" @click=${() => set(null)}>I have it</button>
              </div>`,
    })
  const rows = (keys: readonly Row[]): TemplateResult =>
    keys.length === 0
      ? empty('No keys', '')
      : table<Row>({
          caption: 'API keys',
          rows: keys,
          key: ({ id }) => id,
          columns: [
            { head: 'For', cell: ({ name, prefix }) => html`${name}<span class="sub mono">${prefix}…</span>` },
            { head: 'Made', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
            {
              head: 'Last used',
              class: 'minor time',
              cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : when(lastUsedAt)),
            },
            {
              head: 'State',
              class: 'keep',
              cell: ({ revokedAt }) =>
                revokedAt === null
                  ? badge('Good', 'good')
                  : html`${badge('Revoked')} <span class="minor">${when(revokedAt)}</span>`,
            },
            {
              head: '',
              class: 'act',
              cell: (row) =>
                row.revokedAt === null
                  ? html`<button class="small danger" aria-label="Revoke ${row.name}" @click=${() => void revoke(row)}>Revoke</button>`
                  : '',
            },
          ],
        })
  void list.run()
  return {
    title: () => 'API keys',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">API keys</h1>
        <div class="actions"><button class="primary" @click=${() => set({ name: '', secret: null })}>New key</button></div>
      </div>
      <div class="panel">${loaded(list, rows)}</div>
      ${making === null ? '' : form(making)}
    `,
  }
}
