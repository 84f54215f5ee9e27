/** Triggers a campaign from the console, as a backend does through the API. */
import { html, type TemplateResult } from 'lit'
import type { Channel, RecipientType, TriggerByHandMutation } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { createEstimate, reachOf } from './estimate.ts'
import { area, choice, submit } from './form.ts'
import { readObject } from './json.ts'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'
import { href } from './router.ts'
import { createTestSend } from './test-send.ts'
import { count, counted } from './time.ts'

const TriggerByHand = graphql(`
  mutation TriggerByHand($campaign: ID!, $recipients: [RecipientInput!]!) {
    triggerCampaign(campaign: $campaign, recipients: $recipients) {
      transactionId acceptedCount duplicateCount skipped { index error { code message } }
    }
  }
`)

const kinds = [
  ['USER_ID', 'External id'],
  ['EMAIL', 'E-mail address'],
  ['PHONE_NUMBER', 'Phone number'],
] as const

type Outcome = TriggerByHandMutation['triggerCampaign']

/** @param content what the stored campaign sends; null: it is not loaded */
export function createTrigger(
  { api, update, say, ask }: Pick<Deps, 'api' | 'update' | 'say' | 'ask'>,
  campaign: string,
  content: () => { readonly template: string; readonly channel?: Channel } | null,
) {
  let type: RecipientType = 'USER_ID'
  let typed = ''
  let params = ''
  let isBusy = false
  let outcome: Outcome | null = null
  const named = (): string[] => typed.split(/[\s,;]+/).filter((one) => one !== '')

  /** What the form would trigger; null: it is not complete. */
  function input() {
    const read = readObject(params)
    const list = named()
    if (!read.ok || list.length === 0) return null
    const recipients = list.map((one) => ({
      ...{ type, eventParams: read.value ?? {} },
      ...(type === 'USER_ID' ? { userId: one } : type === 'EMAIL' ? { email: one } : { phoneNumber: one }),
    }))
    return { campaign, recipients }
  }
  const estimate = createEstimate({ api, update }, input)
  const test = createTestSend({ api, update }, () => {
    const [now, sent] = [input(), content()]
    return now === null || sent === null ? null : { ...sent, data: now.recipients[0]?.eventParams ?? {} }
  })
  const changed = (): void => {
    estimate.changed()
    update()
  }

  async function run(): Promise<void> {
    const sent = input()
    if (sent === null) return
    const found = await estimate.now()
    const isSure = await ask({
      title: 'Trigger this campaign?',
      text:
        found === null
          ? `It will be sent to ${counted(sent.recipients.length, 'recipient')}. How many that reaches could not be estimated.`
          : `It will be sent to ${reachOf(found)}.`,
      action: found === null ? 'Trigger' : `Send to ${count(found.reached)}`,
    })
    if (!isSure) return
    isBusy = true
    outcome = null
    update()
    try {
      outcome = (await api.ask(TriggerByHand, sent)).triggerCampaign
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
    isBusy = false
    update()
  }

  const result = ({ transactionId, acceptedCount, duplicateCount, skipped }: Outcome): TemplateResult => html`
    <div class="notice ${skipped.length === 0 ? 'good' : 'warn'}" role="status">
      <p>
        <strong>${count(acceptedCount)} accepted</strong>${duplicateCount === 0 ? '' : `, ${count(duplicateCount)} duplicate`}:
        <a href=${href(['broadcasts', transactionId])}>view progress</a>.
      </p>
      ${skipped.slice(0, 20).map(({ index, error }) => html`<p class="small">${named()[index] ?? index}: ${error.message} <span class="quiet mono">${error.code}</span></p>`)}
    </div>
  `
  return {
    view: (): TemplateResult => {
      const read = readObject(params)
      return html`<form data-needs="SEND" class="panel" @submit=${submit(run)}>
        <header><h2>Trigger campaign</h2></header>
        <div class="body">
          <div class="pair">
            ${choice({
              ...{ id: 'trigger-type', label: 'Recipients by', value: type, options: kinds },
              change: (value) => {
                type = kinds.find(([kind]) => kind === value)?.[0] ?? type
                changed()
              },
            })}
            ${area({
              ...{
                id: 'trigger-recipients',
                label: 'Recipients',
                value: typed,
                rows: 2,
                isRequired: true,
                hint: 'Separate with spaces, commas or line breaks',
              },
              change: (value) => {
                typed = value
                changed()
              },
            })}
            ${area({
              ...{
                id: 'trigger-params',
                label: 'Data (JSON)',
                value: params,
                rows: 2,
                isCode: true,
                wrong: read.ok ? null : read.wrong,
              },
              change: (value) => {
                params = value
                changed()
              },
            })}
          </div>
          ${estimate.view()} ${test.view()}
          <div class="buttons"><button ?disabled=${isBusy || input() === null}>${isBusy ? 'Triggering…' : 'Trigger'}</button></div>
          ${outcome === null ? '' : result(outcome)}
        </div>
      </form>`
    },
    stop: () => estimate.stop(),
  }
}
