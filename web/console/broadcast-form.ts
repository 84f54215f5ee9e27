/** A new broadcast: what is sent, to whom, whom it reaches, and a test of it. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import { segmentChoices, templateChoices, topicChoices } from './choices.ts'
import { createEstimate, reachOf } from './estimate.ts'
import { area, choice, line, submit } from './form.ts'
import { readObject } from './json.ts'
import { createLoad, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createTestSend } from './test-send.ts'
import { count, instantOf, zoneName } from './time.ts'

const StartBroadcast = graphql(`
  mutation StartBroadcast($input: BroadcastInput!) { broadcast(input: $input) { transactionId } }
`)

const ALL = 'all'

export function openNewBroadcast({ api, update, go, ask }: Deps, { query }: Route): Page {
  const typed = {
    template: query.get('template') ?? '',
    // A topic and a segment may have the same key, so the option names the kind too.
    to: query.has('topic') ? `topic ${query.get('topic')}` : query.has('segment') ? `segment ${query.get('segment')}` : '',
    data: '',
    sendAt: '',
  }
  let wrong: string | null = null
  let isBusy = false
  const choices = createLoad(async () => {
    const [templates, topics, segments] = await Promise.all([templateChoices(api), topicChoices(api), segmentChoices(api)])
    return { templates, topics, segments }
  }, update)

  /** What the form would send; null: it is not complete. */
  function input() {
    const data = readObject(typed.data)
    if (typed.template === '' || typed.to === '' || !data.ok) return null
    const [kind = '', ...rest] = typed.to.split(' ')
    const key = rest.join(' ')
    const time = typed.sendAt === '' ? null : instantOf(typed.sendAt)
    return {
      template: typed.template,
      ...(kind === 'topic' ? { topic: key } : kind === 'segment' ? { segment: key } : {}),
      data: data.value ?? {},
      sendAt: time,
    }
  }
  const estimate = createEstimate({ api, update }, input)
  const test = createTestSend({ api, update }, () => {
    const now = input()
    return now === null ? null : { template: now.template, data: now.data }
  })
  const begun = JSON.stringify(typed)
  let isSent = false
  const set = (change: Partial<typeof typed>): void => {
    Object.assign(typed, change)
    estimate.changed()
    update()
  }

  async function start(): Promise<void> {
    const sent = input()
    if (sent === null) return
    const found = await estimate.now()
    const to = typed.to === ALL ? 'all contacts' : typed.to
    const isSure = await ask({
      title: 'Send this broadcast?',
      text:
        found === null
          ? `${sent.template} will be sent to ${to}. How many that reaches could not be estimated.`
          : `${sent.template} will be sent to ${to}: ${reachOf(found)}.`,
      action: found === null ? 'Send' : `Send to ${found.isExact ? '' : 'about '}${count(found.reached)}`,
    })
    if (!isSure) return
    isBusy = true
    wrong = null
    update()
    try {
      const { broadcast } = await api.ask(StartBroadcast, { input: sent })
      isSent = true
      go(['broadcasts', broadcast.transactionId])
    } catch (error) {
      wrong = failureOf(error).message
    }
    isBusy = false
    update()
  }

  const form = (): TemplateResult => {
    const { templates, topics, segments } = choices.value ?? { templates: [], topics: [], segments: [] }
    const data = readObject(typed.data)
    return html`<form data-needs="SEND" class="panel" @submit=${submit(start)}>
      <div class="body">
        ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
        <div class="pair">
          ${choice({
            ...{ id: 'broadcast-template', label: 'Template', value: typed.template, change: (template) => set({ template }) },
            options: [['', 'Choose…'], ...templates.map(({ key, name }) => [key, name] as const)],
          })}
          ${choice({
            ...{ id: 'broadcast-to', label: 'Audience', value: typed.to, change: (to) => set({ to }) },
            options: [
              ['', 'Choose…'],
              ...topics.map(({ key, name, contactCount }) => [`topic ${key}`, `Topic ${name} (${count(contactCount)})`] as const),
              ...segments.map(({ key, name }) => [`segment ${key}`, `Segment ${name}`] as const),
              [ALL, 'All contacts'],
            ],
          })}
          ${line({ id: 'broadcast-at', label: 'Send at', hint: `In ${zoneName()}. Leave empty to send now`, type: 'datetime-local', value: typed.sendAt, change: (sendAt) => set({ sendAt }) })}
        </div>
        ${area({ id: 'broadcast-data', label: 'Data (JSON)', value: typed.data, isCode: true, rows: 2, wrong: data.ok ? null : data.wrong, change: (value) => set({ data: value }) })}
        ${estimate.view()} ${test.view()}
        <div class="buttons">
          <button class="primary" ?disabled=${isBusy || input() === null}>${isBusy ? 'Sending…' : 'Send'}</button>
        </div>
      </div>
    </form>`
  }

  void choices.run()
  estimate.changed()
  return {
    title: () => 'New broadcast',
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['broadcasts'])}>Broadcasts</a></p>
        <h1 tabindex="-1">New broadcast</h1>
      </div>
      ${loaded(choices, form)}
    `,
    close: () => estimate.stop(),
    isUnsaved: () => !isSent && JSON.stringify(typed) !== begun,
  }
}
