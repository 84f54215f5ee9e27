/** Providers: which vendor carries which channel, and their health. */
import { html, type TemplateResult } from 'lit'
import type { ProviderListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge, channelLabel } from './badge.ts'
import { cut } from './cut.ts'
import { dialog } from './dialog.ts'
import { line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { draftOfProvider, inputOfProvider, newProvider, type ProviderDraft, providerForm } from './provider-form.ts'
import type { Route } from './router.ts'
import { table } from './table.ts'
import { count, duration, percent, when } from './time.ts'
import { createUnsaved, type Unsaved } from './unsaved.ts'
import { createWholeList, type SortableColumn } from './whole-list.ts'

const ProviderList = graphql(`
  query ProviderList {
    providers {
      key channel kind settings priority ratePerSecond active
      stats { sent delivered failed }
      health { state successRate latencyMs lastError recipientFailures lastRecipientError checkedAt }
    }
  }
`)

const ProviderKinds = graphql(`
  query ProviderKinds { providerKinds { kind title channels settings } }
`)

const SaveProvider = graphql(`
  mutation SaveProvider($providers: [ProviderInput!]!) { configureProviders(providers: $providers) { key } }
`)

const DeleteProvider = graphql(`
  mutation DeleteProvider($keys: [ID!]!) { deleteProviders(keys: $keys) { deletedCount } }
`)

const TryProvider = graphql(`
  mutation TryProvider($provider: ID!, $to: String!) {
    testProvider(provider: $provider, to: $to) { ok error { code message } providerMessageId durationMs }
  }
`)

type Row = ProviderListQuery['providers'][number]
type Health = Row['health']

const states = {
  HEALTHY: badge('Healthy', 'good'),
  DEGRADED: badge('Degraded', 'warn'),
  OPEN: badge('Unavailable', 'bad'),
  UNUSED: badge('Unused'),
} satisfies Record<Health['state'], TemplateResult>

/** What the test dialog suggests as the address. */
const examples = {
  IN_APP: '',
  EMAIL: 'you@example.com',
  SMS: '+15005550006',
  PUSH: '',
  WEB_PUSH: '',
  CHAT: '',
  ALIMTALK: '',
  FRIENDTALK: '',
  WEBHOOK: 'https://example.com/hook',
} satisfies Record<Row['channel'], string>

interface Trial {
  readonly provider: Row
  readonly to: string
  readonly isBusy: boolean
  readonly outcome: TemplateResult | null
}

const attempts = ({
  successRate,
  latencyMs,
  lastError,
  recipientFailures,
  lastRecipientError,
  checkedAt,
}: Health): TemplateResult | string =>
  checkedAt === null
    ? '–'
    : html`${successRate === null ? '' : percent(successRate)}${latencyMs === null ? '' : html` <span class="quiet">${duration(latencyMs)}</span>`}
        ${lastError === null ? '' : html`<span class="sub">${lastError}</span>`}${
          recipientFailures === 0
            ? ''
            : html`<span class="sub">${recipientFailures} rejected by the recipient: ${lastRecipientError ?? ''}</span>`
        }<span class="sub">${when(checkedAt)}</span>`

/** Opens the page. */
export function openProviders(deps: Deps, first: Route): Page {
  const { api, update, say, ask } = deps
  let route = first
  let draft: ProviderDraft | null = null
  let wrong: string | null = null
  let trial: Trial | null = null
  const list = createLoad(async () => (await api.ask(ProviderList, {})).providers, update)
  const kinds = createLoad(async () => (await api.ask(ProviderKinds, {})).providerKinds, update)
  const whole = createWholeList<Row>(
    deps,
    () => route,
    'key, kind and channel',
    ({ key, kind, channel }) => [key, kind, channelLabel(channel)],
  )
  // Settings may be secrets: no copy is kept.
  let unsaved: Unsaved<ProviderDraft> | null = null
  const edit = (next: ProviderDraft | null): void => {
    draft = next
    unsaved = null
    wrong = null
    if (next !== null) {
      unsaved = createUnsaved<ProviderDraft>({ read: () => next, write: (state) => void Object.assign(next, state) }, update)
      unsaved.begin()
    }
    update()
  }
  const attempt = (next: Trial | null): void => {
    trial = next
    update()
  }

  async function save(one: ProviderDraft): Promise<void> {
    const input = inputOfProvider(one, kinds.value ?? [])
    if (input === null) return
    try {
      await api.ask(SaveProvider, { providers: [input] })
      edit(null)
      say(`Provider ${one.key} saved.`)
      await list.run()
    } catch (error) {
      wrong = failureOf(error).message
      update()
    }
  }
  async function remove({ key }: Row): Promise<void> {
    const text = 'Sent messages are kept. Queued messages use the next provider of the channel, or fail if there is none.'
    if (!(await ask({ title: `Delete the provider ${key}?`, text, action: 'Delete', isDangerous: true }))) return
    try {
      await api.ask(DeleteProvider, { keys: [key] })
      edit(null)
      await list.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  async function run(one: Trial): Promise<void> {
    attempt({ ...one, isBusy: true, outcome: null })
    const outcome = await api.ask(TryProvider, { provider: one.provider.key, to: one.to.trim() }).then(
      ({ testProvider: { ok, error, durationMs, providerMessageId } }) =>
        ok
          ? html`<div class="notice good" role="status">
              <p><strong>Accepted</strong> in ${duration(durationMs)}.</p>
              ${providerMessageId === null ? '' : html`<p class="quiet small mono">${providerMessageId}</p>`}
            </div>`
          : html`<div class="notice bad" role="alert">
              <p><strong>${error?.message}</strong></p>
              <p class="quiet small"><span class="mono">${error?.code}</span> after ${duration(durationMs)}</p>
            </div>`,
      (error: unknown) => html`<div class="notice bad" role="alert"><p>${failureOf(error).message}</p></div>`,
    )
    if (trial !== null) attempt({ ...trial, isBusy: false, outcome })
    await list.run()
  }

  const columns: readonly SortableColumn<Row>[] = [
    {
      head: 'Provider',
      by: ({ key }) => key,
      cell: (row) =>
        html`<button class="link" @click=${() => edit(draftOfProvider(row))}>${cut(row.key, 24)}</button>
          <span class="sub">${row.kind}<span class="narrow">, ${channelLabel(row.channel)}</span></span>`,
    },
    {
      head: 'Channel',
      class: 'minor keep',
      by: ({ channel }) => channelLabel(channel),
      cell: ({ channel }) => channelLabel(channel),
    },
    { head: 'Priority', class: 'minor number', by: ({ priority }) => priority, cell: ({ priority }) => priority },
    {
      head: 'Rate limit',
      class: 'minor number keep',
      cell: ({ ratePerSecond }) => (ratePerSecond === null ? '–' : `${count(ratePerSecond)}/s`),
    },
    {
      head: 'Health',
      class: 'keep',
      cell: ({ active, health }) => (active ? states[health.state] : badge('Inactive')),
    },
    { head: 'Success, 24 hours', class: 'minor', cell: ({ health }) => attempts(health) },
    { head: 'Sent', class: 'minor number', by: ({ stats }) => stats.sent, cell: ({ stats }) => count(stats.sent) },
    { head: 'Delivered', class: 'minor number', by: ({ stats }) => stats.delivered, cell: ({ stats }) => count(stats.delivered) },
    { head: 'Failed', class: 'minor number', by: ({ stats }) => stats.failed, cell: ({ stats }) => count(stats.failed) },
    {
      head: '',
      class: 'act',
      cell: (row) =>
        html`<button data-needs="MANAGE"
          class="small"
          aria-label="Test ${row.key}"
          @click=${() => attempt({ provider: row, to: examples[row.channel], isBusy: false, outcome: null })}
        >
          Test
        </button>`,
    },
  ]

  const test = (one: Trial): TemplateResult =>
    dialog({
      title: `Test ${one.provider.key}`,
      close: () => attempt(null),
      body: html`<form @submit=${submit(() => run(one))}>
        ${line({
          id: 'test-to',
          label: 'Send a test message to',
          hint: `Channel: ${channelLabel(one.provider.channel)}`,
          value: one.to,
          isRequired: true,
          change: (to) => attempt({ ...one, to }),
        })}
        <div class="buttons end"><button class="primary" ?disabled=${one.isBusy}>${one.isBusy ? 'Sending…' : 'Send'}</button></div>
        ${one.outcome ?? ''}
      </form>`,
    })

  const editor = (one: ProviderDraft): TemplateResult => {
    const stored = list.value?.find(({ key }) => key === one.key)
    return dialog({
      title: one.isNew ? 'New provider' : one.key,
      isWide: true,
      close: () => edit(null),
      mayClose: async () =>
        unsaved?.isChanged() !== true ||
        (await ask({
          title: 'Discard unsaved changes?',
          text: 'What you have changed of this provider is not saved.',
          action: 'Discard changes',
          refusal: 'Keep editing',
          isDangerous: true,
        })),
      body: html`${loaded(kinds, (known) => providerForm(one, known, wrong, update, () => save(one)))}
      ${one.isNew || stored === undefined ? '' : html`<div data-needs="MANAGE"><button class="small danger" @click=${() => void remove(stored)}>Delete provider</button></div>`}`,
    })
  }

  void list.run()
  void kinds.run()
  return {
    title: () => 'Providers',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Providers</h1>
        <div class="actions"><button data-needs="MANAGE" class="primary" @click=${() => edit(newProvider())}>New provider</button></div>
      </div>
      ${whole.searchForm()}
      <div class="panel">
        ${loaded(list, (rows) =>
          rows.length === 0
            ? empty(
                'No providers yet',
                'Every channel except in-app needs a provider. To try things out, use one of the kind capture: it stores messages instead of sending them.',
              )
            : table({
                caption: 'Providers',
                columns: whole.columns(columns),
                rows: whole.rows(rows, columns),
                key: ({ key }) => key,
              }),
        )}
      </div>
      ${draft === null ? '' : editor(draft)} ${trial === null ? '' : test(trial)}
    `,
    moved(to) {
      route = to
      update()
    },
    close: whole.stop,
    isUnsaved: () => unsaved?.isChanged() === true,
    discard: () => edit(null),
  }
}
