/** Triggers a campaign from the console, as a backend does through the API. */
import { html, type TemplateResult } from 'lit'
import type { RecipientType, TriggerByHandMutation } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { area, choice, submit } from './form.ts'
import { readObject } from './json.ts'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'
import { href } from './router.ts'
import { count } from './time.ts'

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

export function createTrigger({ api, update, say }: Pick<Deps, 'api' | 'update' | 'say'>, campaign: string) {
  let type: RecipientType = 'USER_ID'
  let typed = ''
  let params = ''
  let isBusy = false
  let outcome: Outcome | null = null
  const named = (): string[] => typed.split(/[\s,;]+/).filter((one) => one !== '')

  async function run(): Promise<void> {
    const read = readObject(params)
    if (!read.ok) return
    const eventParams = read.value ?? {}
    isBusy = true
    outcome = null
    update()
    try {
      const recipients = named().map((one) => ({
        ...{ type, eventParams },
        ...(type === 'USER_ID' ? { userId: one } : type === 'EMAIL' ? { email: one } : { phoneNumber: one }),
      }))
      outcome = (await api.ask(TriggerByHand, { campaign, recipients })).triggerCampaign
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
                update()
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
                update()
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
                update()
              },
            })}
          </div>
          <div class="buttons"><button ?disabled=${isBusy || !read.ok || named().length === 0}>${isBusy ? 'Triggering…' : 'Trigger'}</button></div>
          ${outcome === null ? '' : result(outcome)}
        </div>
      </form>`
    },
  }
}
