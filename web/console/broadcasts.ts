/** Broadcasts: sending a template to a segment or a topic, and the progress of that. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import { area, choice, line, submit } from './form.ts'
import { readObject } from './json.ts'
import { createLoad, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { followTransaction } from './progress.ts'
import { createRecent } from './recent.ts'
import { createTransactionResults } from './results.ts'
import { href, type Route } from './router.ts'
import { count, when } from './time.ts'

const BroadcastChoices = graphql(`
  query BroadcastChoices {
    templates(first: 100) { nodes { key name } }
    topics(first: 100) { nodes { key name contactCount } }
    segments(first: 100) { nodes { key name } }
  }
`)

const StartBroadcast = graphql(`
  mutation StartBroadcast($input: BroadcastInput!) { broadcast(input: $input) { transactionId } }
`)

const CancelBroadcast = graphql(`
  mutation CancelBroadcast($transactionId: ID!) { cancel(transactionId: $transactionId) { canceledCount alreadySentCount } }
`)

/** The form, and the broadcasts started in this tab. */
export function openBroadcasts({ api, update, go, ask }: Deps, { query }: Route): Page {
  const recent = createRecent()
  const typed = {
    template: query.get('template') ?? '',
    // A topic and a segment may have the same key, so the option names the kind too.
    to: query.has('topic') ? `topic ${query.get('topic')}` : query.has('segment') ? `segment ${query.get('segment')}` : '',
    data: '',
    sendAt: '',
    followed: '',
  }
  let wrong: string | null = null
  let isBusy = false
  const choices = createLoad(() => api.ask(BroadcastChoices, {}), update)
  const set = (change: Partial<typeof typed>): void => {
    Object.assign(typed, change)
    update()
  }

  async function start(): Promise<void> {
    const data = readObject(typed.data)
    const [kind = '', ...rest] = typed.to.split(' ')
    const key = rest.join(' ')
    if (!data.ok) return
    if (
      !(await ask({
        title: 'Send this broadcast?',
        text: `${typed.template} will be sent to every contact in the ${kind} ${key}.`,
        action: 'Send',
      }))
    )
      return
    isBusy = true
    wrong = null
    update()
    try {
      const { broadcast } = await api.ask(StartBroadcast, {
        input: {
          template: typed.template,
          ...(kind === 'topic' ? { topic: key } : { segment: key }),
          data: data.value ?? {},
          sendAt: typed.sendAt === '' ? null : new Date(typed.sendAt).toISOString(),
        },
      })
      recent.add({ transactionId: broadcast.transactionId, title: `${typed.template} to ${key}` })
      go(['broadcasts', broadcast.transactionId])
    } catch (error) {
      wrong = failureOf(error).message
    }
    isBusy = false
    update()
  }

  const form = (): TemplateResult => {
    const { templates, topics, segments } = choices.value ?? {
      templates: { nodes: [] },
      topics: { nodes: [] },
      segments: { nodes: [] },
    }
    const data = readObject(typed.data)
    return html`<form data-needs="SEND" class="panel" @submit=${submit(start)}>
      <header><h2>New broadcast</h2></header>
      <div class="body">
        ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
        <div class="pair">
          ${choice({
            ...{ id: 'broadcast-template', label: 'Template', value: typed.template, change: (template) => set({ template }) },
            options: [['', 'Choose…'], ...templates.nodes.map(({ key, name }) => [key, name] as const)],
          })}
          ${choice({
            ...{ id: 'broadcast-to', label: 'Audience', value: typed.to, change: (to) => set({ to }) },
            options: [
              ['', 'Choose…'],
              ...topics.nodes.map(
                ({ key, name, contactCount }) => [`topic ${key}`, `Topic ${name} (${count(contactCount)})`] as const,
              ),
              ...segments.nodes.map(({ key, name }) => [`segment ${key}`, `Segment ${name}`] as const),
            ],
          })}
          ${line({ id: 'broadcast-at', label: 'Send at', hint: 'Leave empty to send now', type: 'datetime-local', value: typed.sendAt, change: (sendAt) => set({ sendAt }) })}
        </div>
        ${area({ id: 'broadcast-data', label: 'Data (JSON)', value: typed.data, isCode: true, rows: 2, wrong: data.ok ? null : data.wrong, change: (value) => set({ data: value }) })}
        <div class="buttons">
          <button class="primary" ?disabled=${isBusy || typed.template === '' || typed.to === '' || !data.ok}>${isBusy ? 'Sending…' : 'Send'}</button>
        </div>
      </div>
    </form>`
  }

  void choices.run()
  return {
    title: () => 'Broadcasts',
    view: () => html`
      <div class="head"><h1 tabindex="-1">Broadcasts</h1></div>
      ${loaded(choices, form)}
      <section class="panel" aria-labelledby="follow-title">
        <header><h2 id="follow-title">Recent broadcasts</h2></header>
        <div class="body">
          ${
            recent.list().length === 0
              ? html`<p class="quiet small">Broadcasts started in this tab are listed here until you close it.</p>`
              : html`<ul class="plain-list">
                  ${recent
                    .list()
                    .map(
                      ({ transactionId, title, at }) =>
                        html`<li><a href=${href(['broadcasts', transactionId])}>${title}</a> <span class="quiet small">${when(at)}</span></li>`,
                    )}
                </ul>`
          }
          <form class="filters" @submit=${submit(() => go(['broadcasts', typed.followed.trim()]))}>
            ${line({ id: 'follow', label: 'Transaction id', value: typed.followed, placeholder: 'transactionId', isRequired: true, change: (followed) => set({ followed }) })}
            <button ?disabled=${typed.followed.trim() === ''}>Open</button>
          </form>
        </div>
      </section>
    `,
  }
}

/** The page of a transaction. */
export function openTransaction({ api, update, say, ask }: Deps, { path }: Route): Page {
  const transactionId = path[1] ?? ''
  const results = createTransactionResults({ api, update }, transactionId)
  const followed = followTransaction({ api, update }, transactionId, results.refresh)
  async function cancel(): Promise<void> {
    const text =
      'Messages that have not been sent yet will not be sent, to any recipient. Messages already sent cannot be recalled.'
    if (
      !(await ask({
        title: 'Cancel this transaction?',
        text,
        action: 'Cancel transaction',
        refusal: 'Keep it',
        isDangerous: true,
      }))
    )
      return
    try {
      const { cancel: done } = await api.ask(CancelBroadcast, { transactionId })
      say(`${count(done.canceledCount)} canceled, ${count(done.alreadySentCount)} already sent.`)
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  return {
    title: () => 'Transaction',
    view: () => {
      const status = followed.value()?.status
      return html`
        <div class="head">
          <p class="crumb"><a href=${href(['broadcasts'])}>Broadcasts</a></p>
          <h1 tabindex="-1">Transaction</h1>
          <div class="actions">
            ${status === undefined ? '' : html`<a class="button" href=${href(['activity'], { transaction: transactionId })}>View notifications</a>`}
            ${status === 'ACCEPTED' || status === 'RUNNING' ? html`<button data-needs="SEND" class="danger" @click=${() => void cancel()}>Cancel transaction</button>` : ''}
          </div>
        </div>
        <section class="panel" aria-label="Progress">
          <header><h2 class="mono">${transactionId}</h2></header>
          <div class="body">${followed.view()}</div>
        </section>
        ${results.view()}
      `
    },
    close() {
      followed.close()
      results.stop()
    },
  }
}
